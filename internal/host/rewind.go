package host

import (
	"context"
	"regexp"
	"strconv"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Rewind says whom a diverged data directory is to be made like.
type Rewind struct {
	Source      cluster.Node        // a primary that has made a checkpoint since its promotion
	Credentials cluster.Credentials // a superuser's, or of a role that may call what pg_rewind calls
	// Restore has log that the directory lacks be fetched by its restore_command.
	Restore bool
	// Progress is called while files are copied. Both are bytes. May be nil.
	Progress func(done, total int64)
}

// Rewind runs pg_rewind on a stopped data directory, which it first recovers from a
// crash if need be. Configuration files become the source's. When it fails or ctx
// ends, the directory may be good for nothing.
func (i *Instance) Rewind(ctx context.Context, r Rewind) error {
	if err := i.dropStalePid(); err != nil {
		return i.fail("rewind", err)
	}
	login := cluster.Credentials{User: r.Credentials.User}
	conninfo := r.Source.OwnConninfo(login).With("dbname", r.Credentials.Database).With("connect_timeout", "10")
	args := []string{"-D", i.node.DataDirectory, "--source-server", conninfo.String(), "--progress"}
	if file := i.configFile(); file != "" && i.rewindTakesConfig(ctx) {
		args = append(args, "--config-file", file)
	}
	if r.Restore {
		args = append(args, "--restore-target-wal")
	}
	_, err := i.run(ctx, Command{
		Path:   "pg_rewind",
		Args:   args,
		Env:    []string{"PGPASSWORD=" + r.Credentials.Password}, // arguments are for everybody to see
		Stderr: r.report,
	})
	if err != nil {
		return i.fail("rewind", err)
	}
	return nil
}

// rewindTakesConfig: --config-file came with PostgreSQL 15.
func (i *Instance) rewindTakesConfig(ctx context.Context) bool {
	c, err := i.Control(ctx)
	return err == nil && c.MajorVersion >= 15
}

var rewindProgress = regexp.MustCompile(`^\s*(\d+)/(\d+) kB \(\d+%\) copied`)

func (r Rewind) report(line string) {
	m := rewindProgress.FindStringSubmatch(line)
	if m == nil || r.Progress == nil {
		return
	}
	done, err1 := strconv.ParseInt(m[1], 10, 50)
	total, err2 := strconv.ParseInt(m[2], 10, 50)
	if err1 == nil && err2 == nil {
		r.Progress(done*1024, total*1024)
	}
}
