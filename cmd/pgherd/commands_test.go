package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
	expect := func(database, command, want string) {
		t.Helper()
		if out, _ := r.psql(database, command); !strings.Contains(out, want) {
			t.Errorf("%s on %s:\n%s\nwants %q", command, database, out, want)
		}
	}
	expect("postgres", "SHOW POOL_NODES", "|up|up|0.333333|primary|primary|")
	expect("postgres", "PGPOOL SHOW backend_hostname0", "127.0.0.1\n")
	expect("postgres", "SHOW pool_nonsense", "did you mean")
	expect("pgpool", "CHECK", "PROMOTE NODE 1|ok||\n")
	expect("pgpool", "EXPLAIN PROMOTE NODE 1", "start node 0 as a standby of node 1")
	read := r.slowRead(c)
	expect("pgpool", "DETACH NODE 1 GRACEFULLY", "DETACH NODE\n")
	if answer := <-read; answer != "on a standby: true" {
		t.Errorf("the read that ran got: %s", answer)
	}
	expect("pgpool", "EXPLAIN PROMOTE NODE 1", "refused|1|node 1 is detached|ATTACH NODE 1 first.\n")
	expect("pgpool", "CHECK", "node 1|failed|down: detached")
	expect("pgpool", "ATTACH NODE 1", "ATTACH NODE\n")
	expect("pgpool", "SELECT kind, event FROM pool_events WHERE node_id = 1", "status|down, was up: detached")
	expect("pgpool", "SELECT event FROM pool_events WHERE kind = 'command'", "bench: DETACH NODE 1 GRACEFULLY\nbench: ATTACH NODE 1\n")
	expect("pgpool", "SHOW POOL_FAILOVER", "")

	expect("pgpool", "PAUSE postgres", "NOTICE:  00000: new transactions wait; servers in use: 0 ")
	expect("pgpool", "SELECT paused FROM databases WHERE name = 'postgres'", "1\n")
	held := make(chan error, 1)
	go func() {
		_, err := c.Exec(t.Context(), "SELECT 1")
		held <- err
	}()
	pgtest.Await(t, 10*time.Second, "the client to wait", func() bool {
		return r.mustPSQL("pgpool", "SELECT count(*) FROM clients WHERE state = 'waiting'") == "1\n"
	})
	expect("pgpool", "RESUME", "RESUME\n")
	if err := <-held; err != nil {
		t.Error(err)
	}
	expect("pgpool", "SUSPEND; SHOW STATE; RESUME", "paused|no\nsuspended|yes\nRESUME\n")
	expect("pgbouncer", "SUSPEND", "SUSPEND\n") // and leaves
	expect("pgpool", "SHOW STATE", "suspended|no\n")
	expect("pgpool", "SELECT sum(count) > 0 FROM pool_routes", "t\n")
	expect("pgpool", "SELECT sum(select_cnt) > 0, sum(error_cnt) FROM pool_backend_stats", "t|0\n")
	expect("pgpool", "SELECT count(*) FROM pool_health_check_stats WHERE success_count > 0 AND fail_count = 0 AND max_duration >= min_duration", "2\n")
	expect("pgbouncer", "RECONNECT; WAIT_CLOSE", "WAIT_CLOSE\n")
	expect("pgpool", "SET pool.query_wait_timeout = 7s", "pool.query_wait_timeout: 2m0s -> 7s")
	expect("pgbouncer", "SHOW CONFIG", "query_wait_timeout|7|120|yes\n")
	expect("pgpool", "SET pool.sise = 7", `did you mean "pool.size"?`)
	expect("pgpool", "SET tcp.keepidle = 1", "ERROR:  22023: tcp.keepidle: ")
	expect("pgbouncer", "DISABLE postgres", "DISABLE\n")
	expect("postgres", "SELECT 1", "does not accept connections at the moment")
	expect("pgbouncer", "ENABLE postgres", "ENABLE\n")
	expect("pgbouncer", "KILL postgres", "NOTICE:  00000: clients disconnected: 1")
	if _, err := c.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the client lives on after KILL")
	}
	expect("pgbouncer", "RESUME postgres", "RESUME\n")
	expect("postgres", "SELECT 'again'", "again\n")
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

// slowRead has a client read on the standby, and returns when that runs.
func (r *rig) slowRead(c *pgx.Conn) <-chan string {
	r.Helper()
	answer := make(chan string, 1)
	go func() {
		var standby bool
		err := c.QueryRow(r.Context(), "/*pgherd: standby*/ SELECT pg_is_in_recovery() FROM pg_sleep(0.5)").Scan(&standby)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- fmt.Sprint("on a standby: ", standby)
	}()
	pgtest.Await(r, 10*time.Second, "the read to run", func() bool {
		return r.mustPSQL("pgpool", "SELECT count(*) FROM servers WHERE state = 'active'") == "1\n"
	})
	return answer
}
