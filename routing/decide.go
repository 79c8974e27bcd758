package routing

import (
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// Need is what a statement asks of a node.
type Need int

const (
	Write Need = iota // the primary
	Read              // any node that is fresh enough
)

// Block is what a session's transaction block has done so far.
type Block int

const (
	NoBlock    Block = iota // there is none
	BlockReads              // the statement opens one, or runs in one that has not written
	BlockWrote
)

// Writer says whether a session has written since it began.
type Writer int

const (
	NeverWrote Writer = iota
	WroteAlone        // outside of transaction blocks only
	WroteInBlock
)

// Session is what a session has done and wants, as far as it matters for routing.
type Session struct {
	Consistency config.Consistency
	Route       Wish   // SET pgherd.route
	Preference  Wish   // of the redirect preference lists
	Luck        uint32 // a random number: which side of the preference's ratio it is on
	Writer      Writer

	Token   cluster.Token  // all that the session has seen is at or before it, but for Since
	Epoch   cluster.Epoch  // of the last observation
	Since   time.Time      // of an observation whose position is not known yet; zero for none
	Wrote   bool           // that observation was a write of its own
	Standby cluster.NodeID // where its reads stay; NoNode for nowhere yet
	Seen    time.Time      // when it last had an answer from there; zero for never
	Shown   Shown
}

// NewSession has seen nothing.
func NewSession(c config.Consistency) Session {
	return Session{Consistency: c, Standby: cluster.NoNode}
}

// Observe notes that the session has seen the primary's state of time at, or
// has written.
func (s *Session) Observe(at time.Time, epoch cluster.Epoch, wrote bool) {
	pending := s.Wrote && !s.Since.IsZero()
	if !pending { // else the older write decides what must survive
		s.Epoch = epoch
	}
	s.Wrote, s.Since = wrote || pending, at
}

// Forgive starts anew after the client has been told of a loss.
func (s *Session) Forgive(epoch cluster.Epoch) {
	s.Token, s.Since, s.Wrote, s.Epoch = cluster.Token{Epoch: epoch}, time.Time{}, false, epoch
}

// NoteWrite notes a write of the session's own.
func (s *Session) NoteWrite(w Writer) { s.Writer = max(s.Writer, w) }

// NoteRead notes an answer from a standby.
func (s *Session) NoteRead(from cluster.NodeID, at time.Time, epoch cluster.Epoch) {
	s.Shown = Shown{From: from, At: at, Epoch: epoch}
	if from == s.Standby {
		s.Seen = at
	}
}

// Input is what Decide looks at beside the session.
type Input struct {
	Need      Need
	Why       Reason // of a Write
	Hint      Wish   // in the statement itself
	Block     Block
	Policy    Policy
	Board     *cluster.Board
	LastWrite time.Time     // the newest write acknowledged to anybody; for global
	Now       time.Time     // for leaving a standby
	Patience  time.Duration // the longest wait that is worth it; 0 = none
	Roll      uint32        // a random number
}

// Decide chooses the node. The rules stand in the order in which they apply.
func Decide(in Input, s *Session) Route {
	r := reading{Input: &in, session: s, snap: in.Board.Current()}
	to := r.decide()
	to.Epoch, to.Role = r.snap.Epoch, cluster.Standby
	if to.Node == r.snap.Primary {
		to.Role = cluster.Primary
	}
	return to
}

func (r *reading) decide() Route {
	in, s := r.Input, r.session
	// A write goes to the primary, whatever anybody wishes.
	if in.Need == Write {
		return r.primary(in.Why)
	}
	// No session reads data older than what it has seen, on any node.
	if !r.eventual() && !s.survived(r.snap) {
		return Route{Node: cluster.NoNode, Reason: WritesLost}
	}
	// Where is the read wanted?
	r.wish, r.why = in.wish(s)
	if r.wantsPrimary() {
		return r.primary(r.why)
	}
	if !r.possible() {
		r.wish = Wish{}
	}
	// The primary serves a share by its weight.
	if r.primaryShare() {
		return Route{Node: r.snap.Primary, Reason: PrimaryShare}
	}
	// The standbys serve what they have replayed.
	if r.eventual() {
		return r.standby()
	}
	if s.Consistency == config.ConsistencyGlobal && in.LastWrite.After(s.Since) {
		s.Observe(in.LastWrite, r.snap.Epoch, false)
	}
	s.leave(in)
	s.resolve(in.Board, r.snap)
	if !s.Since.IsZero() {
		return r.fallback(Unresolved)
	}
	r.lsn = s.Token.LSN
	return r.standby()
}

// wish is where a read is wanted and who says so. The first that applies wins.
func (in *Input) wish(s *Session) (Wish, Reason) {
	primary := Wish{Target: config.TargetPrimary}
	switch {
	case in.Block == BlockWrote: // only the primary shows what it has written
		return primary, AfterWrite
	case in.Hint.Target != config.TargetAny:
		return in.Hint, Hinted
	case s.Route.Target != config.TargetAny:
		return s.Route, Asked
	case in.Policy.AfterWrite == config.DisableAlways && s.Writer != NeverWrote,
		in.Policy.AfterWrite == config.DisableInTransactions && s.Writer == WroteInBlock && in.Block != NoBlock:
		return primary, AfterWrite
	case in.Policy.Unbalanced:
		return primary, BalancingOff
	case s.Preference.Target != config.TargetAny:
		return s.Preference.drawn(in.luck(s)), Preferred
	}
	return Wish{}, Balanced
}

// luck decides a ratio once for a session, or for each statement.
func (in *Input) luck(s *Session) uint32 {
	if in.Policy.StatementLevel {
		return in.Roll
	}
	return s.Luck
}

// survived carries the session's history into the present epoch. It is false
// when that can't be done without showing it an older state.
func (s *Session) survived(snap *cluster.Snapshot) bool {
	if s.Epoch == snap.Epoch && s.Token.Epoch == snap.Epoch {
		return true
	}
	token, ok := snap.Survives(s.Token)
	if !ok {
		return false
	}
	if !s.Since.IsZero() {
		if _, ok := snap.Survives(cluster.Token{Epoch: s.Epoch, LSN: cluster.MaxLSN}); s.Wrote && !ok {
			return false
		}
	}
	s.Token, s.Epoch = token, snap.Epoch
	return true
}

// leave gives up a standby that may have restarted since it answered: nobody knows how much
// it had shown, so the session needs a new token from the primary.
func (s *Session) leave(in *Input) {
	if s.Standby == cluster.NoNode || s.Seen.IsZero() || !in.Board.Position(s.Standby).LostAfter(s.Seen) {
		return
	}
	s.Standby, s.Seen = cluster.NoNode, time.Time{}
	s.Observe(in.Now, in.Board.Current().Epoch, false)
}

// resolve turns the time of the last observation into a position, once a poll
// of the primary has begun after it.
func (s *Session) resolve(b *cluster.Board, snap *cluster.Snapshot) {
	if s.Since.IsZero() || snap.Primary == cluster.NoNode {
		return
	}
	poll := b.Position(snap.Primary).Load()
	if poll.Epoch == snap.Epoch && poll.Began.After(s.Since) {
		s.Token = cluster.Token{Epoch: snap.Epoch, LSN: max(poll.LSN, s.Token.LSN)}
		s.Since, s.Wrote = time.Time{}, false
	}
}
