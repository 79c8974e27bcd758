package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// TestCommands gives the console's commands with psql, and looks at what they did.
func TestCommands(t *testing.T) {
	r := startRig(t, 1, "")
	r.awaitStreaming()
	c, err := r.connect(t.Context(), "postgres", "application_name=shop")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	commandsOnNodes(r, c)
	commandsOnClients(r, c)
	commandsOnSettings(r)
	commandsOnDatabases(r, c)
}

// expect gives a command, whose output must contain want.
func (r *rig) expect(database, command, want string) {
	r.Helper()
	if out, _ := r.psql(database, command); !strings.Contains(out, want) {
		r.Errorf("%s on %s:\n%s\nwants %q", command, database, out, want)
	}
}

func commandsOnNodes(r *rig, c *pgx.Conn) {
	r.expect("postgres", "SHOW POOL_NODES", "|up|up|0.333333|primary|primary|")
	r.expect("postgres", "PGPOOL SHOW backend_hostname0", "127.0.0.1\n")
	r.expect("postgres", "SHOW pool_nonsense", "did you mean")
	r.expect("pgpool", "CHECK", "PROMOTE NODE 1|ok||\n")
	r.expect("pgpool", "EXPLAIN PROMOTE NODE 1", "start node 0 as a standby of node 1")
	r.detachGracefully(c)
	r.expect("pgpool", "EXPLAIN PROMOTE NODE 1", "refused|1|node 1 is detached|ATTACH NODE 1 first.\n")
	r.expect("pgpool", "CHECK", "node 1|failed|down: detached")
	r.expect("pgpool", "ATTACH NODE 1", "ATTACH NODE\n")
	r.expect("pgpool", "SELECT kind, event FROM pool_events WHERE node_id = 1", "status|down, was up: detached")
	r.expect("pgpool", "SELECT event FROM pool_events WHERE kind = 'command'", "bench: DETACH NODE 1 GRACEFULLY\nbench: SET consistency\nbench: ATTACH NODE 1\n")
	r.mustPSQL("pgpool", "SHOW POOL_FAILOVER")
}

func commandsOnClients(r *rig, c *pgx.Conn) {
	r.expect("pgpool", "PAUSE postgres", "NOTICE:  00000: new transactions wait; servers in use: 0 ")
	r.expect("pgpool", "SELECT paused FROM databases WHERE name = 'postgres'", "1\n")
	held := make(chan error, 1)
	go func() {
		_, err := c.Exec(r.Context(), "SELECT 1")
		held <- err
	}()
	pgtest.Await(r.T, 10*time.Second, "the client to wait", func() bool {
		return r.mustPSQL("pgpool", "SELECT count(*) FROM clients WHERE state = 'waiting'") == "1\n"
	})
	r.expect("pgpool", "RESUME", "RESUME\n")
	if err := <-held; err != nil {
		r.Error(err)
	}
	r.expect("pgpool", "SUSPEND; SHOW STATE; RESUME", "paused|no\nsuspended|yes\nRESUME\n")
	r.expect("pgbouncer", "SUSPEND", "SUSPEND\n") // and leaves
	r.expect("pgpool", "SHOW STATE", "suspended|no\n")
	r.expect("pgpool", "SELECT sum(count) > 0 FROM pool_routes", "t\n")
	r.expect("pgpool", "SELECT sum(select_cnt) > 0, sum(error_cnt) FROM pool_backend_stats", "t|0\n")
	r.expect("pgpool", "SELECT count(*) FROM pool_health_check_stats WHERE success_count > 0 AND fail_count = 0 AND max_duration >= min_duration", "2\n")
	r.expect("pgbouncer", "RECONNECT; WAIT_CLOSE", "WAIT_CLOSE\n")
}

func commandsOnSettings(r *rig) {
	r.expect("pgpool", "SET pool.query_wait_timeout = 7s", "pool.query_wait_timeout: 2m0s -> 7s")
	r.expect("pgbouncer", "SHOW CONFIG", "query_wait_timeout|7|120|yes\n")
	r.expect("pgpool", "SET pool.sise = 7", `did you mean "pool.size"?`)
	r.expect("pgpool", "SET tcp.keepidle = 1", "ERROR:  22023: tcp.keepidle: ")
}

func commandsOnDatabases(r *rig, c *pgx.Conn) {
	r.expect("pgbouncer", "DISABLE postgres", "DISABLE\n")
	r.expect("postgres", "SELECT 1", "does not accept connections at the moment")
	r.expect("pgbouncer", "ENABLE postgres", "ENABLE\n")
	r.expect("pgbouncer", "KILL postgres", "NOTICE:  00000: clients disconnected: 1")
	if _, err := c.Exec(r.Context(), "SELECT 1"); err == nil {
		r.Error("the client lives on after KILL")
	}
	r.expect("pgbouncer", "RESUME postgres", "RESUME\n")
	r.expect("postgres", "SELECT 'again'", "again\n")
}

// TestShutdownWaitsForClients: nobody new gets in, and who is in may stay.
func TestShutdownWaitsForClients(t *testing.T) {
	r := startRig(t, 0, "")
	c, err := r.connect(t.Context(), "postgres", "")
	if err != nil {
		t.Fatal(err)
	}
	r.mustPSQL("pgpool", "SHUTDOWN WAIT_FOR_CLIENTS")
	pgtest.Await(t, 10*time.Second, "the door to be shut", func() bool {
		_, err := r.psql("postgres", "SELECT 1")
		return err != nil
	})
	if _, err := c.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
	if strings.Contains(r.log.String(), "shutting down") {
		t.Error("it did not wait")
	}
	_ = c.Close(t.Context())
	pgtest.Await(t, 10*time.Second, "the end", func() bool { return strings.Contains(r.log.String(), "shutting down") })
}

const readHeld = "/*pgherd: standby*/ SELECT pg_is_in_recovery() FROM held"

// detachGracefully asks for that while a client reads on the standby: the command
// waits for the answer.
func (r *rig) detachGracefully(c *pgx.Conn) {
	r.Helper()
	lock, err := r.cluster.Connect(r.Context(), 0, "postgres")
	r.must(err)
	defer lock.Close(context.Background())
	r.exec(lock, "CREATE TABLE held AS SELECT 1")
	pgtest.Await(r, 20*time.Second, "the standby to be read", func() bool {
		var standby bool
		return c.QueryRow(r.Context(), readHeld).Scan(&standby) == nil && standby
	})
	r.exec(lock, "BEGIN; LOCK TABLE held") // on the standby, too, once it is in the log
	r.cluster.Exec(0, "SELECT pg_logical_emit_message(true, '', 'it is flushed')")
	r.cluster.AwaitCaughtUp(0, 1)
	read, detached := r.waitingRead(c), make(chan string, 1)
	go func() {
		out, _ := r.psql("pgpool", "DETACH NODE 1 GRACEFULLY") // its error is in what it prints
		detached <- out
	}()
	pgtest.Await(r, 20*time.Second, "no reads to begin on the standby", func() bool { return r.app.board.Current().Nodes[1].Draining })
	r.mustPSQL("pgpool", "SET consistency = session") // which gives the nodes their weights
	if out := r.mustPSQL("postgres", "/*pgherd: node=1*/ SELECT pg_is_in_recovery()"); out != "f\n" {
		r.Errorf("a read began there: %s", out)
	}
	if s := r.app.board.Current().Nodes[1].Status; s != cluster.Up || len(detached) > 0 {
		r.Errorf("node 1 is %s while a statement runs there", s)
	}
	r.exec(lock, "COMMIT")
	if answer := <-read; answer != "on a standby: true" {
		r.Errorf("the read that ran got: %s", answer)
	}
	if out := <-detached; !strings.Contains(out, "DETACH NODE\n") {
		r.Errorf("DETACH NODE 1 GRACEFULLY:\n%s", out)
	}
}

// waitingRead has a client read the locked table on the standby, and returns when it waits there.
func (r *rig) waitingRead(c *pgx.Conn) <-chan string {
	r.Helper()
	answer := make(chan string, 1)
	go func() {
		var standby bool
		err := c.QueryRow(r.Context(), readHeld).Scan(&standby)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- fmt.Sprint("on a standby: ", standby)
	}()
	pgtest.Await(r, 20*time.Second, "the read to wait", func() bool {
		return r.onNode(1, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 1
	})
	return answer
}
