package host

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// BaseBackup says what to copy and where to.
type BaseBackup struct {
	Source          cluster.Node
	Credentials     cluster.Credentials // of a role with REPLICATION
	ApplicationName string              // "" for pg_basebackup
	Target          string              // a directory that is missing or empty
	Slot            string              // an existing physical slot; "" for a temporary one
	Tablespaces     []TablespaceMapping // of those that are not to have the path that they have there
	MaxRate         string              // pg_basebackup's --max-rate such as 32M; "" for no limit
	// Progress is called about once a second. Both are bytes; total is an
	// estimate that done may pass. May be nil.
	Progress func(done, total int64)
}

// TablespaceMapping is pg_basebackup's --tablespace-mapping.
type TablespaceMapping struct {
	Old string // pg_tablespace_location on the source
	New string // a directory that is missing or empty
}

// BaseBackup runs pg_basebackup, with the log streamed beside the files, and
// then VerifyBackup. What was copied stays in the target when that fails or
// ctx ends. The copy has the source's settings, port included. Tablespaces
// outside the data directory keep their paths unless they are mapped, so they must be
// between nodes of one machine.
func (i *Instance) BaseBackup(ctx context.Context, b BaseBackup) error {
	if err := i.makeTargets(b); err != nil {
		return i.fail("base backup", err)
	}
	_, err := i.run(ctx, Command{
		Path:   "pg_basebackup",
		Args:   b.arguments(),
		Env:    []string{"PGPASSWORD=" + b.Credentials.Password}, // arguments are for everybody to see
		Stderr: b.report,
	})
	if err != nil {
		return i.fail(fmt.Sprintf("base backup from node %d", b.Source.ID), err)
	}
	return i.VerifyBackup(ctx, b.Target)
}

// makeTargets: the owner, who runs the program, may not be allowed to make them.
func (i *Instance) makeTargets(b BaseBackup) error {
	err := i.machine.MkdirAll(b.Target, 0o700)
	for _, t := range b.Tablespaces {
		err = errors.Join(err, i.machine.MkdirAll(t.New, 0o700))
	}
	return err
}

func (b BaseBackup) arguments() []string {
	login := cluster.Credentials{User: b.Credentials.User}
	conninfo := b.Source.Conninfo(login).With("application_name", b.ApplicationName).With("connect_timeout", "10")
	args := []string{
		"-d", conninfo.String(), "-D", b.Target, "-X", "stream", "-c", "fast", "-P", "-v", "--no-password",
	}
	if b.Slot != "" {
		args = append(args, "-S", b.Slot)
	}
	for _, t := range b.Tablespaces {
		args = append(args, "-T", mappedPath(t.Old)+"="+mappedPath(t.New))
	}
	if b.MaxRate != "" {
		args = append(args, "-r", b.MaxRate)
	}
	return args
}

// mappedPath escapes what stands between the two paths.
func mappedPath(path string) string { return strings.ReplaceAll(path, "=", `\=`) }

func (b BaseBackup) report(line string) {
	if done, total, ok := parseProgress(line); ok && b.Progress != nil {
		b.Progress(done, total)
	}
}

var progressLine = regexp.MustCompile(`^\s*(\d+)/(\d+) kB \(\d+%\)`)

// parseProgress reads "12345/67890 kB (18%), 0/1 tablespace (...)" of
// pg_basebackup -P. The results are bytes.
func parseProgress(line string) (done, total int64, ok bool) {
	m := progressLine.FindStringSubmatch(line)
	if m == nil {
		return 0, 0, false
	}
	done, err1 := strconv.ParseInt(m[1], 10, 64)
	total, err2 := strconv.ParseInt(m[2], 10, 64)
	const most = (1<<63 - 1) / 1024
	if errors.Join(err1, err2) != nil || done > most || total > most {
		return 0, 0, false
	}
	return done * 1024, total * 1024, true
}

// VerifyBackup checks dir, which no server has touched yet, against its backup
// manifest.
func (i *Instance) VerifyBackup(ctx context.Context, dir string) error {
	_, err := i.run(ctx, Command{Path: "pg_verifybackup", Args: []string{"-e", "-q", dir}})
	if err != nil {
		return i.fail("base backup does not match its manifest", err)
	}
	return nil
}
