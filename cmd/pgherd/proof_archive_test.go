package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// Ensure that a standby whose log the primary has removed comes back by what pgherd
// receivewal has kept, also when another leads since, and is rebuilt when that has a gap;
// and that a base backup without any log becomes a standby by the archive.
func TestRecoveryFromTheArchive(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "it's 100% wal")
	r := startRig(t, 2, "recovery: {archive_dir: \""+archive+"\"}\n")
	r.awaitStreaming()
	end := r.receiveWAL(archive)
	defer end()
	r.cluster.Exec(0, "CREATE TABLE t AS SELECT g FROM generate_series(1, 100000) g")
	pgtest.Await(t, 20*time.Second, "the receiver to be shown", func() bool {
		out := r.mustPSQL("pgpool", "SELECT application_name FROM pool_replication WHERE role = 'receiver' AND lsn IS NOT NULL")
		return strings.TrimSpace(out) == "pgherd_receivewal"
	})

	r.stopForLong(1)
	r.archived(archive)
	r.recoverAll([]string{"RECOVER NODE 1"}, "the archive has it from")
	r.assertHealthy(nil)
	r.wantNoRestoreCommand()

	needed := r.segment(r.stopForLong(1))
	r.archived(archive)
	hidden := filepath.Join(archive, needed)
	r.must(os.Rename(hidden, hidden+".away"))
	r.recoverAll([]string{"RECOVER NODE 1"}, "the archive lacks "+needed)
	r.assertHealthy(nil)
	r.must(os.Rename(hidden+".away", hidden))

	r.restore(archive)
	r.recoverAll([]string{"RECOVER NODE 1"}, "will follow")
	r.assertHealthy(nil)

	r.cluster.Stop(2) // until another has led for long
	r.awaitDown(2)
	r.mustPSQL("pgpool", "PROMOTE NODE 1")
	r.forgetLogOf(2)
	r.archived(archive)
	r.recoverAll([]string{"RECOVER NODE 2"}, "the archive has it from")
	r.assertHealthy(nil)
}

// receiveWAL runs pgherd receivewal; the result ends it and may be called once.
func (r *rig) receiveWAL(dir string) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	config := r.writeConfig("")
	go func() { ended <- receivewalCommand(ctx, []string{"--config", config, "--dir", dir}, io.Discard) }()
	pgtest.Await(r, 20*time.Second, "the log to be received", func() bool {
		partial, err := filepath.Glob(filepath.Join(dir, "*.partial"))
		return err == nil && len(partial) == 1
	})
	return func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			r.Error(err)
		}
	}
}

// archived waits until the archive has what the primary has written; the servers may
// read it then.
func (r *rig) archived(dir string) {
	r.Helper()
	segment := r.segment(r.cluster.Position(r.app.board.Current().Primary))
	pgtest.Await(r, 20*time.Second, "segment "+segment, func() bool {
		names, err := os.ReadDir(dir)
		return err == nil && len(names) > 0 && names[len(names)-1].Name() >= segment
	})
	if out, err := exec.Command("chmod", "-R", "a+rX", filepath.Dir(filepath.Dir(dir))).CombinedOutput(); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
}

// segment is the file that holds a position of the primary's log.
func (r *rig) segment(at cluster.LSN) (name string) {
	r.Helper()
	r.must(r.cluster.Conn(r.app.board.Current().Primary).QueryRow(r.Context(), "SELECT pg_walfile_name($1::text::pg_lsn)", at.String()).Scan(&name))
	return name
}

func (r *rig) wantNoRestoreCommand() {
	r.Helper()
	var command string
	conn := r.cluster.Conn(1)
	pgtest.Await(r, 10*time.Second, "restore_command to be gone", func() bool {
		err := conn.QueryRow(r.Context(), "SELECT current_setting('restore_command')").Scan(&command)
		return err == nil && command == ""
	})
}

// restore makes node 1 of a base backup without log, and starts it on the archive alone.
func (r *rig) restore(archive string) {
	r.Helper()
	r.cluster.Stop(1)
	r.awaitDown(1)
	node, m := r.cluster.Node(1), r.cluster.Instance(1).Machine()
	conf, err := m.ReadFile(filepath.Join(node.DataDirectory, "postgresql.conf"))
	r.must(err)
	r.must(m.RemoveAll(node.DataDirectory))
	_, err = m.Run(r.Context(), backupWithoutLog(r.cluster, node.DataDirectory))
	r.must(err)
	r.must(m.WriteFile(filepath.Join(node.DataDirectory, "postgresql.conf"), conf, 0o600))
	r.must(m.WriteFile(filepath.Join(node.DataDirectory, "standby.signal"), nil, 0o600))
	r.cluster.Exec(0, "CREATE TABLE after_the_backup AS SELECT 1")
	goal := r.cluster.Position(0)
	r.cluster.Exec(0, "SELECT pg_switch_wal()")
	r.cluster.Exec(0, "CHECKPOINT")
	r.archived(archive)
	quoted := strings.NewReplacer("'", `'\''`, "%", "%%").Replace(archive)
	r.must(r.cluster.Instance(1).Configure(map[string]string{"primary_conninfo": "", "primary_slot_name": "",
		"restore_command": "cp '" + quoted + "'/%f %p"}))
	r.cluster.Start(1)
	pgtest.Await(r, 20*time.Second, "the archive to be replayed", func() bool { return r.cluster.Position(1) >= goal })
}

func backupWithoutLog(c *pgtest.TestCluster, dir string) host.Command {
	n := c.Node(0)
	return host.Command{Path: filepath.Join(c.BinDir(), "pg_basebackup"),
		Args: []string{"-D", dir, "-X", "none", "-c", "fast", "-d", n.Conninfo(c.Credentials()).String()}}
}
