package failover

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// bomb is a Store at which the engine stops dead, just before a record is
// written or right after: nothing that would follow happens any more.
type bomb struct {
	Store
	cancel  context.CancelFunc
	left    atomic.Int64 // records until then; 0: not set
	written bool         // the last one still is
	gone    atomic.Bool
}

func (b *bomb) Save(r cluster.Record) error {
	if b.left.Add(-1) != 0 {
		return b.Store.Save(r)
	}
	if b.written {
		_ = b.Store.Save(r) // nobody is left to hear of it
	}
	b.gone.Store(true)
	b.cancel()
	runtime.Goexit()
	return nil
}

// records that a failover writes: the intent, the new epoch, the promotion seen,
// the end.
const records = 4

// Pgherd is killed at every record of a failover, before and after it is
// written. When it is back there is one primary, in the next epoch, with all that
// was committed, and the other standby, where there is one, follows it.
func TestKilledAtEveryRecordOfAFailover(t *testing.T) {
	for n := range records {
		for _, written := range []bool{false, true} {
			t.Run(fmt.Sprintf("record %d written %v", n+1, written), func(t *testing.T) {
				killAt(t, int64(n+1), written, 1+n%2)
			})
		}
	}
}

func killAt(t *testing.T, record int64, written bool, standbys int) {
	r := newRig(t, standbys)
	r.write(0, others(0)[:standbys]...)
	r.stop()
	r.bomb = &bomb{written: written}
	r.start()
	r.await("all nodes up", r.allUp)
	r.bomb.left.Store(record)
	r.pg.Kill(0)
	pgtest.Await(t, 20*time.Second, "the engine to be killed", r.bomb.gone.Load)
	r.stop()
	r.bomb = nil
	r.start()
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() > 0 })
	p := r.board.Current().Primary
	r.write(p)
	holder := p
	if standbys > 1 {
		holder = 3 - p
		r.await("the other following", func(s *cluster.Snapshot) bool { return r.streaming(s, holder) })
		r.pg.AwaitCaughtUp(p, holder)
	}
	var rows int
	if err := r.pg.Conn(holder).QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows, %v; want 2", rows, err)
	}
	if s := r.board.Current(); s.Epoch != 2 {
		t.Errorf("epoch %d, want 2", s.Epoch)
	}
}
