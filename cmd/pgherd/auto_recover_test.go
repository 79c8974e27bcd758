package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/admin"
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// The primary dies with rows that it has sent to nobody. A failover later it is back
// as a standby, and nobody has said anything.
func TestAutoRecoverRewindsAnOldPrimary(t *testing.T) {
	r := startRig(t, 1, "failover: {auto_recover: rewind}\n",
		pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "256MB"))
	r.awaitStreaming()
	r.cluster.Exec(0, "CREATE TABLE sent AS SELECT 1")
	r.cluster.AwaitCaughtUp(0, 1)
	r.cluster.Exec(1, "ALTER SYSTEM SET primary_conninfo = ''")
	r.cluster.Exec(1, "SELECT pg_reload_conf()")
	old := r.cluster.Conn(0)
	pgtest.Await(t, 10*time.Second, "the standby to leave", func() bool {
		var n int
		return old.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_replication").Scan(&n) == nil && n == 0
	})
	r.cluster.Exec(0, "CREATE TABLE lost AS SELECT 1")
	r.cluster.Kill(0)
	r.awaitPrimary(0)
	r.awaitStreaming()
	conn := r.cluster.Conn(0)
	pgtest.Await(t, 10*time.Second, "node 0 to be as the new primary", func() bool {
		var there string
		err := conn.QueryRow(t.Context(), "SELECT pg_is_in_recovery() || ' ' || (to_regclass('sent') IS NOT NULL) || ' ' || (to_regclass('lost') IS NULL)").Scan(&there)
		return err == nil && there == "true true true"
	})
	for _, part := range []string{"auto_recover (rewind): node 0 is back", "1 committed transaction"} {
		pgtest.Await(t, 10*time.Second, "the event: "+part, func() bool { // it is in service before that is told
			return strings.Contains(r.mustPSQL("pgpool", "SELECT event FROM pool_events WHERE kind = 'recovery'"), part)
		})
	}
}

// SHUTDOWN, which is no signal, ends the watch over failed nodes as well.
func TestShutdownEndsAutoRecover(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 0), log: &logTail{}}
	cfg, err := config.Load(r.writeConfig("failover: {auto_recover: rebuild}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r.app, err = newApp(cfg, newLogger(config.Log{Level: config.LogInfo}, r.log)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- r.app.Run(ctx) }()
	r.awaitPrimary(cluster.NoNode)
	r.app.Shutdown(admin.WaitForServers)
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		stop()
		t.Errorf("pgherd did not end before its context did: %v", <-done)
	}
}
