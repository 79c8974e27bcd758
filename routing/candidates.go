package routing

import "github.com/pgherd/pgherd/internal/cluster"

// Candidate is a node as a read sees it.
type Candidate struct {
	Node    cluster.NodeID
	Verdict Verdict
	Behind  cluster.LSN // log that it has yet to replay for the session, bytes; 0 = none
}

// Candidates judges all nodes for a read, after Decide has been asked with the
// same arguments. Neither the session nor the board changes.
func Candidates(in Input, s Session) []Candidate {
	r := reading{Input: &in, session: &s, snap: in.Board.Current()}
	r.wish, r.why = in.wish(&s)
	primary := r.wantsPrimary()
	if !r.possible() {
		r.wish = Wish{}
	}
	if !r.eventual() {
		r.lsn = s.Token.LSN
	}
	list := make([]Candidate, len(r.snap.Nodes))
	for i := range list {
		id := r.snap.Nodes[i].ID
		list[i] = Candidate{Node: id, Verdict: r.verdict(id)}
		if primary && list[i].Verdict == Eligible {
			list[i].Verdict = Unwanted
		}
		if there := r.replayed(id); there < r.lsn {
			list[i].Behind = r.lsn - there
		}
	}
	return list
}
