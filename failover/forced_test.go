package failover

import (
	"slices"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// A forced switchover to a standby that lacks log: what is lost is told, sessions
// that have seen it hear of that, and the old primary does not just follow.
func TestForcedWithLoss(t *testing.T) {
	r := newRig(t, 1)
	r.write(0, 1)
	r.cut(1)
	r.write(0)
	var at string
	if err := r.pg.Conn(0).QueryRow(t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&at); err != nil {
		t.Fatal(err)
	}
	seen, err := cluster.ParseLSN(at)
	if err != nil {
		t.Fatal(err)
	}
	token := cluster.Token{Epoch: r.board.Current().Epoch, LSN: seen}

	if err := r.engine.Promote(t.Context(), 1, Force, nil); err != nil {
		t.Fatal(err)
	}
	s := r.board.Current()
	if _, ok := s.Survives(token); ok {
		t.Errorf("a session that has seen %s is to believe that node 1 has it: %+v", seen, s.Switches)
	}
	if n := s.Nodes[0]; n.Status != cluster.Down || !strings.Contains(n.Reason, "RECOVER NODE 0") {
		t.Errorf("node 0 is %s (%s)", n.Status, n.Reason)
	}
	if !slices.ContainsFunc(r.events.List(), func(e cluster.Event) bool { return strings.Contains(e.Text, "bytes of log are lost") }) {
		t.Error("nobody was told of the loss")
	}
	r.write(1)
}
