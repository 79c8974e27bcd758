package failover

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
)

// choose picks the standby with the most log: by timeline, then position, and
// never by number. Somebody's explicit choice must be as good, or forced.
func (s *stepper) choose() (Candidate, error) {
	if len(s.Op.Found) == 0 {
		return Candidate{}, errors.New("no standby told its log position")
	}
	if err := s.complete(s.Op.Found); err != nil && !s.Op.Force {
		return Candidate{}, err
	}
	best := slices.MaxFunc(s.willing(), more)
	if s.Op.To == cluster.NoNode || s.Op.To == best.Node {
		return best, nil
	}
	i := slices.IndexFunc(s.Op.Found, func(c Candidate) bool { return c.Node == s.Op.To })
	if i < 0 {
		return Candidate{}, fmt.Errorf("node %d did not tell its log position", s.Op.To)
	}
	if wanted := s.Op.Found[i]; s.Op.Force || more(wanted, best) >= 0 {
		return wanted, nil
	}
	return Candidate{}, refuse(fmt.Sprintf("PROMOTE NODE %d instead, or add FORCE and lose the difference.", best.Node),
		"node %d has log up to %s only, node %d up to %s", s.Op.To, s.Op.Found[i].Received, best.Node, best.Received)
}

func more(a, b Candidate) int {
	return cmp.Or(cmp.Compare(a.Timeline, b.Timeline), cmp.Compare(a.Received, b.Received))
}

// willing are the standbys that replay at once. Those with a delay, or that
// somebody has paused, are for when no other is there, or when only they may
// have what was acknowledged.
func (s *stepper) willing() []Candidate {
	prompt := slices.DeleteFunc(slices.Clone(s.Op.Found), func(c Candidate) bool { return c.Paused || c.Delay > 0 })
	if len(prompt) == 0 || s.complete(prompt) != nil {
		return s.Op.Found
	}
	return prompt
}

// tellLoss says what is lost with the old primary when its successor begins where
// w ends, as far as anybody knows.
func (s *stepper) tellLoss(w cluster.Switch) {
	op, end := s.Op, w.LSN
	if op.From == cluster.NoNode || op.Kind == OpSwitchover && w.Complete {
		return
	}
	had := s.Nodes[op.From].Last.Received
	if op.End < cluster.MaxLSN {
		had = max(had, op.End)
	}
	switch {
	case w.Complete:
		s.note("nothing is lost: node %d was stopped in order, and node %d has all of its log, up to %s", op.From, op.To, op.End)
	case s.Sync.Acks > 0 && op.Kind == OpFailover && s.complete(op.Found) == nil:
		s.note("no commit that waited for a synchronous standby is lost")
	case had == 0:
		s.note("how much log is lost is not known: node %d was never asked; node %d goes on at %s", op.From, op.To, end)
	case had > end:
		s.note("at least %d bytes of log are lost: node %d had it up to %s when it was last heard, and node %d up to %s",
			had-end, op.From, had, op.To, end)
	default:
		s.note("node %d has all that node %d had when it was last heard, up to %s; what that wrote since, and sent to nobody, is lost",
			op.To, op.From, had)
	}
}
