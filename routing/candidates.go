package routing

import "github.com/pgherd/pgherd/internal/cluster"

// Candidate is a node as a statement sees it.
type Candidate struct {
	Node    cluster.NodeID
	Verdict Verdict
	Behind  cluster.LSN // log that it has yet to replay for the session, bytes; 0 = none
}

// Candidates judges all nodes for a statement, after Decide has been asked with the
// same arguments. Neither the session nor the board changes.
func Candidates(in Input, s Session) []Candidate {
	list := readCandidates(in, s)
	if in.Need == Read {
		return list
	}
	for i := range list {
		if c := &list[i]; c.Verdict != IsPrimary && c.Verdict != OutOfService {
			*c = Candidate{Node: c.Node, Verdict: NoRead}
		}
	}
	return list
}

// Bind is what becomes of candidates when the session keeps a server of this node.
func Bind(list []Candidate, to cluster.NodeID) {
	for i := range list {
		c := &list[i]
		switch {
		case c.Verdict == IsPrimary || c.Verdict == OutOfService:
		case c.Node == to:
			*c = Candidate{Node: to, Verdict: Eligible}
		default:
			*c = Candidate{Node: c.Node, Verdict: Elsewhere}
		}
	}
}

func readCandidates(in Input, s Session) []Candidate {
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
