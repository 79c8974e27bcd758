package failover

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// A promotion right after the standby was restarted waits for it, instead of
// being refused.
func TestPromoteRightAfterARestart(t *testing.T) {
	r := newRig(t, 1)
	r.write(0, 1)
	r.pg.Stop(1)
	r.await("node 1 down", func(s *cluster.Snapshot) bool { return s.Nodes[1].Status == cluster.Down })
	r.pg.Start(1)
	began := time.Now()
	if err := r.engine.Promote(t.Context(), 1, Switchover, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("the switchover took %v", time.Since(began))
	// Pgherd itself, too.
	r.stop()
	r.start()
	began = time.Now()
	if err := r.engine.Promote(t.Context(), 0, Switchover, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("the switchover back took %v", time.Since(began))
}

// All obstacles come in one answer, with what to do about each.
func TestPromoteTellsAllObstacles(t *testing.T) {
	r := newRig(t, 1)
	r.write(0, 1)
	r.pg.Exec(1, "ALTER SYSTEM SET recovery_min_apply_delay = '2min'")
	r.pg.Exec(1, "SELECT pg_reload_conf()")
	conn := r.pg.Conn(1)
	pgtest.Await(t, 10*time.Second, "the delay", func() bool {
		var delay string
		err := conn.QueryRow(t.Context(), "SELECT current_setting('recovery_min_apply_delay')").Scan(&delay)
		return err == nil && delay == "2min"
	})
	r.pg.PauseReplay(1)
	began := time.Now()
	err := r.engine.Promote(t.Context(), 1, Switchover, nil)
	took := time.Since(began)
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.SQLState() != "55000" {
		t.Fatalf("got %v", err)
	}
	t.Logf("after %v:\nERROR:  %v\nHINT:  %s", took, refused, refused.Hint())
	for _, want := range []string{"paused on node 1", "recovery_min_apply_delay = 120s"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
	for _, want := range []string{"pg_wal_replay_resume()", "SET recovery_min_apply_delay = 0"} {
		if !strings.Contains(refused.Hint(), want) {
			t.Errorf("%q is not in the hint: %s", want, refused.Hint())
		}
	}
	if took >= preflightPatience {
		t.Errorf("what lasts was waited for: %v", took)
	}
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 {
		t.Errorf("after the refusal: %s", describe(s))
	}
	// The hints help.
	r.pg.ResumeReplay(1)
	r.pg.Exec(1, "ALTER SYSTEM SET recovery_min_apply_delay = 0")
	r.pg.Exec(1, "SELECT pg_reload_conf()")
	pgtest.Await(t, 10*time.Second, "the promotion", func() bool {
		err = r.engine.Promote(t.Context(), 1, Switchover, nil)
		return err == nil
	})
}

// A candidate that does not come back is waited for, and then refused.
func TestPromoteOfADeadStandby(t *testing.T) {
	r := newRig(t, 1)
	r.pg.Kill(1)
	began := time.Now()
	err := r.engine.Promote(t.Context(), 1, Switchover, nil)
	took := time.Since(began)
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "node 1 does not answer (refused") {
		t.Errorf("got %v", err)
	}
	if took < preflightPatience || took > 5*preflightPatience {
		t.Errorf("refused after %v", took)
	}
	t.Logf("after %v:\nERROR:  %v\nHINT:  %s", took, err, refused.Hint())
}
