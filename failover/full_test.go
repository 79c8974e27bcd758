package failover

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// A primary that has no connection to spare lives: nobody takes over.
func TestPrimaryFull(t *testing.T) {
	r := newRig(t, 1)
	var all []*pgx.Conn
	for {
		conn, err := r.pg.Connect(context.Background(), 0, "postgres")
		if err != nil {
			break
		}
		all = append(all, conn)
	}
	full := func(s *cluster.Snapshot) bool {
		return strings.Contains(s.Nodes[0].Reason, "turns pgherd's health check away: sorry, too many clients already")
	}
	r.await("the primary to be full", func(s *cluster.Snapshot) bool {
		r.engine.Suspect(0, errors.New("somebody was turned away"))
		if conn, err := r.pg.Connect(context.Background(), 0, "postgres"); err == nil {
			all = append(all, conn) // what the monitor has left
		}
		return full(s)
	})
	if s := r.board.Current(); s.Writable() != 0 || s.Epoch != 1 || s.Nodes[0].Status != cluster.Up {
		t.Errorf("with a full primary: %s", describe(s))
	}
	for _, conn := range all {
		_ = conn.Close(context.Background())
	}
	r.await("the primary to answer", func(s *cluster.Snapshot) bool { return s.Nodes[0].Reason == "" && s.Nodes[0].PGUp })
	r.write(0, 1)
}
