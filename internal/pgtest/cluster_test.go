package pgtest

import (
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestClusterReplicatesAndBreaks(t *testing.T) {
	Leaks(t)
	c := Cluster(t, 2)
	c.Exec(0, "CREATE TABLE t AS SELECT 1 AS n")
	c.AwaitCaughtUp(0, 1)
	c.AwaitCaughtUp(0, 2)

	c.PauseReplay(2)
	c.Exec(0, "INSERT INTO t VALUES (2)")
	c.AwaitCaughtUp(0, 1)
	if lag := c.Lag(0, 2); lag == 0 {
		t.Error("a paused standby does not lag")
	}
	c.ResumeReplay(2)
	c.AwaitCaughtUp(0, 2)

	c.Freeze(1)
	_, err := net.DialTimeout("tcp", c.Node(1).Address(), time.Second)
	if err != nil {
		t.Errorf("a frozen node still has its socket: %v", err)
	}
	c.Thaw(1)

	c.Kill(0)
	if running, err := c.Instance(0).Running(); running || err != nil {
		t.Errorf("Running() = %v, %v after kill -9", running, err)
	}
	if _, err := c.Connect(t.Context(), 0, "bench"); err == nil {
		t.Error("a killed node answers")
	}
	c.Start(0)
	c.awaitStreaming(0, 2)
}

func TestClustersDiffer(t *testing.T) {
	a, b := Cluster(t, 0), Cluster(t, 0, WithNewSystem(), WithFsync(), WithSetting("work_mem", "5MB"))
	const ask = "SELECT system_identifier::text, current_setting('fsync'), current_setting('work_mem') FROM pg_control_system()"
	var id1, id2, fsync1, fsync2, mem1, mem2 string
	if err := errors.Join(
		a.Conn(0).QueryRow(t.Context(), ask).Scan(&id1, &fsync1, &mem1),
		b.Conn(0).QueryRow(t.Context(), ask).Scan(&id2, &fsync2, &mem2),
	); err != nil {
		t.Fatal(err)
	}
	if id1 == id2 {
		t.Errorf("both have system identifier %s", id1)
	}
	if fsync1 != "off" || fsync2 != "on" || mem2 != "5MB" {
		t.Errorf("fsync = %s and %s, work_mem = %s", fsync1, fsync2, mem2)
	}
}

func TestFreePort(t *testing.T) {
	address := "127.0.0.1:" + strconv.Itoa(FreePort(t))
	if conn, err := net.Dial("tcp4", address); err == nil {
		conn.Close()
		t.Error("somebody listens there")
	}
	for range 2 { // a server, and the one that takes its place
		l, err := net.Listen("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// recorder is a testing.TB that only notes failures.
type recorder struct {
	testing.TB
	failures int
	cleanups []func()
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failures++ }
func (r *recorder) Cleanup(f func())      { r.cleanups = append(r.cleanups, f) }

func TestLeaksSeesAGoroutine(t *testing.T) {
	r := &recorder{TB: t}
	leaksAfter(r, 10*time.Millisecond)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() { <-quit; close(done) }()
	r.cleanups[0]()
	close(quit)
	<-done
	if r.failures != 1 {
		t.Errorf("%d leaks seen, want 1", r.failures)
	}
}

var _ querier = (*pgx.Conn)(nil)
