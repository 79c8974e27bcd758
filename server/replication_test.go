package server

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// program runs one of PostgreSQL's own programs against the server.
func (r *rig) program(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.Context(), filepath.Join(r.cluster.BinDir(), name), args...)
	cmd.Env = append(os.Environ(), "PGPASSWORD=bench")
	return cmd
}

func (r *rig) replicationDSN() string { return r.dsn("dbname=replication") }

// Ensure that a base backup taken through the server, while others write, is
// whole.
func TestBaseBackup(t *testing.T) {
	r := newRig(t, 0, nil)
	c := r.connect()
	mustExec(t, c, "create table t as select generate_series(1, 100000) as a")
	for _, method := range []string{"stream", "fetch"} {
		dir := filepath.Join(t.TempDir(), "backup")
		out, err := r.program("pg_basebackup", "-d", r.replicationDSN(), "-D", dir, "-X", method, "-c", "fast").CombinedOutput()
		if err != nil {
			t.Fatalf("pg_basebackup -X %s: %v\n%s", method, err, out)
		}
		if out, err := r.program("pg_verifybackup", dir).CombinedOutput(); err != nil {
			t.Errorf("pg_verifybackup: %v\n%s", err, out)
		}
	}
	await(t, func() bool { return r.server.clients.Load() == 1 })
}

// Ensure that the log streams through, acknowledgements go back, and the
// receiver ends in order when the primary is another one.
func TestReceiveWAL(t *testing.T) {
	r := newRig(t, 0, nil)
	r.cluster.Exec(0, "select pg_create_physical_replication_slot('wal', true)")
	dir := t.TempDir()
	cmd := r.program("pg_receivewal", "-d", r.replicationDSN()+" application_name=archive", "-D", dir, "-S", "wal", "--synchronous", "--no-loop", "-v")
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watch := r.cluster.Conn(0)
	await(t, func() bool {
		return query[int](t, watch, "select count(*) from pg_stat_replication where application_name = 'archive' and state = 'streaming'") == 1
	})
	mustExec(t, r.connect(), "create table t as select generate_series(1, 1000) as a")
	goal := query[string](t, watch, "select pg_current_wal_flush_lsn()::text")
	await(t, func() bool {
		return query[bool](t, watch, "select coalesce(max(flush_lsn) >= $1::text::pg_lsn, false) from pg_stat_replication", goal)
	})
	r.publish(cluster.NoNode)
	if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), "terminating connection due to administrator command") {
		t.Errorf("pg_receivewal ended with %v\n%s", err, &out)
	}
	await(t, func() bool { return query[int](t, watch, "select count(*) from pg_stat_replication") == 0 })
	files, _ := filepath.Glob(filepath.Join(dir, "0*"))
	if len(files) == 0 {
		t.Error("no log was received")
	}
}

// Ensure that logical decoding works: SQL and streaming on one connection.
func TestReceiveLogical(t *testing.T) {
	r := newRigOn(t, pgtest.Cluster(t, 0, pgtest.WithSetting("wal_level", "logical")), nil)
	c := r.connect()
	mustExec(t, c, "create table t (a int)")
	if out, err := r.program("pg_recvlogical", "-d", r.dsn(), "-S", "logical", "-P", "test_decoding", "--create-slot").CombinedOutput(); err != nil {
		t.Fatalf("create slot: %v\n%s", err, out)
	}
	mustExec(t, c, "insert into t select generate_series(1, 3000)")
	end := query[string](t, r.cluster.Conn(0), "select pg_current_wal_lsn()::text")
	out, err := r.program("pg_recvlogical", "-d", r.dsn(), "-S", "logical", "--start", "-f", "-", "-o", "skip-empty-xacts=1", "-E", end, "-n").CombinedOutput()
	if n := strings.Count(string(out), "INSERT: a[integer]:"); err != nil || n != 3000 {
		t.Errorf("%d changes, want 3000; %v\n%.500s", n, err, out)
	}
}

// replicate opens a replication connection as a program of its own would.
func (r *rig) replicate(kind string) *pgconn.PgConn {
	r.Helper()
	c, err := pgconn.Connect(context.Background(), r.dsn("replication="+kind))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func TestReplicationCommands(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.MaxClients = 2 })
	ctx := context.Background()
	c := r.replicate("database")
	results, err := c.Exec(ctx, "IDENTIFY_SYSTEM").ReadAll()
	if err != nil || len(results) != 1 || string(results[0].Rows[0][3]) != "bench" {
		t.Fatalf("got %v, %v", results, err)
	}
	canceled := make(chan error, 1)
	go func() {
		_, err := c.Exec(ctx, "select pg_sleep(60)").ReadAll()
		canceled <- err
	}()
	await(t, func() bool { return r.working("pg_sleep(60)") == 1 })
	if err := c.CancelRequest(ctx); err != nil {
		t.Error(err)
	}
	if err := <-canceled; code(err) != "57014" {
		t.Errorf("a canceled command: %v", err)
	}
	r.replicate("true")
	if _, err := pgconn.Connect(ctx, r.dsn("replication=true")); code(err) != "53300" {
		t.Errorf("third client: %v", err)
	}
}

// Ensure that whoever may not replicate is told so in the server's words, and
// that the parameter is read as PostgreSQL reads it.
func TestReplicationRefused(t *testing.T) {
	r := newRig(t, 0, nil)
	r.cluster.Exec(0, "create role plain login password 'bench'")
	for _, c := range []struct{ option, code string }{
		{"replication=true user=plain", "42501"},
		{"replication=1 password=wrong", "28P01"},
		{"replication=maybe", "22023"},
		{"replication=database dbname=nowhere", "3D000"},
	} {
		if _, err := pgconn.Connect(context.Background(), r.dsn(c.option)); code(err) != c.code {
			t.Errorf("%s: got %v, want %s", c.option, err, c.code)
		}
	}
	ordinary, err := pgconn.Connect(context.Background(), r.dsn("replication=off"))
	if err != nil {
		t.Fatal(err)
	}
	defer ordinary.Close(context.Background())
	if _, err := ordinary.Exec(context.Background(), "IDENTIFY_SYSTEM").ReadAll(); code(err) != "42601" {
		t.Errorf("replication=off: %v", err)
	}
	r.publish(cluster.NoNode)
	if _, err := pgconn.Connect(context.Background(), r.dsn("replication=true")); code(err) != "57P03" {
		t.Errorf("without a primary: %v", err)
	}
}

// Ensure that a shutdown waits for commands but not for streams.
func TestReplicationDrain(t *testing.T) {
	r := newRig(t, 0, nil)
	c := r.replicate("database")
	stream := r.replicate("true")
	position, err := stream.Exec(context.Background(), "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	start := "START_REPLICATION PHYSICAL " + string(position[0].Rows[0][2])
	if err := stream.Conn().SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Conn().Write(wire.AppendQuery(nil, start)); err != nil {
		t.Fatal(err)
	}
	streams := &raw{t: t, conn: stream.Conn(), params: map[string]string{}}
	if got := streams.next(); got != "W" {
		t.Fatalf("got %s", got)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.server.Shutdown(ctx)
	}()
	await(t, r.server.draining.Load)
	if _, err := c.Exec(context.Background(), "select pg_sleep(0.2)").ReadAll(); err != nil {
		t.Errorf("a command during the drain: %v", err)
	}
	_ = c.Close(context.Background())
	if got := streams.until('E'); !strings.HasSuffix(got, "E:57P01") {
		t.Errorf("the stream ended with %s", got)
	}
	<-done
}

func TestFrameReader(t *testing.T) {
	stream := join(mQuery("select 1"), mSync(), mData(strings.Repeat("x", 100)), mFlush())
	for size := 1; size <= len(stream); size++ {
		var f frameReader
		var types []byte
		for b := stream; len(b) > 0; b = b[min(size, len(b)):] {
			f.read(b[:min(size, len(b))], func(typ byte) { types = append(types, typ) })
		}
		if string(types) != "QSdH" || !f.between() {
			t.Fatalf("in pieces of %d: %q, between %v", size, types, f.between())
		}
	}
}
