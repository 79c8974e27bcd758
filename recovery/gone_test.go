package recovery

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// startsLate is an instance with something that happens just before its first start.
type startsLate struct {
	Instance
	before func()
}

func (s startsLate) Start(ctx context.Context) error {
	s.before()
	return s.Instance.Start(ctx)
}

// The primary removes log that the node needs when it has been found to have it.
func TestLogGoesMeanwhile(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Timeout = 5 * time.Second }, pgtest.WithSetting("wal_keep_size", "0"))
	r.db.Stop(1)
	r.useInstance(startsLate{r.db.Instance(1), sync.OnceFunc(func() {
		r.db.Exec(0, "SELECT pg_drop_replication_slot('pgherd_1')")
		for range 3 {
			r.db.Exec(0, "CREATE TABLE IF NOT EXISTS more AS SELECT 1")
			r.db.Exec(0, "SELECT pg_logical_emit_message(false, '', 'x'), pg_switch_wal()")
		}
		r.db.Exec(0, "CHECKPOINT")
		r.db.Exec(0, "CHECKPOINT")
		r.db.Exec(0, "SELECT pg_create_physical_replication_slot('pgherd_1', true)")
	})})
	r.returns(1, 0, Rebuild, StepBackup)
}
