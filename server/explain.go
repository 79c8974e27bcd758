package server

import (
	"fmt"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// explain says in lines where a text would go now, and why. Nothing changes by it.
func (u *turn) explain(sql string) []string {
	f := u.session.judged(u.session.parse([]byte(sql)))
	in, session := u.dryRun(f)
	route := routing.Decide(in, &session)
	candidates := routing.Candidates(in, session)
	if where, held := u.held(); held {
		route = where
		routing.Bind(candidates, where.Node)
	}
	lines := []string{"Route: " + u.nodeName(route.Node), "  Reason: " + route.Reason.String()}
	if route.Hopeful {
		lines = append(lines, "  Waits up to "+in.Patience.String()+" for a standby that is close behind")
	}
	lines = append(lines, statementLine(f, in.Need))
	if f.Hint.Kind != sqlparse.HintNone {
		lines = append(lines, "  Hint: "+u.hint(f.Hint))
	}
	lines = append(lines, objectLines(f)...)
	lines = append(lines, sessionLines(&session)...)
	for _, c := range candidates {
		lines = append(lines, u.candidateLine(c))
	}
	return lines
}

// dryRun is what a lease for the text would hand to routing.
func (u *turn) dryRun(f *sqlparse.Facts) (routing.Input, routing.Session) {
	batchBefore, before := u.batch, u.remarks
	defer func() { u.batch, u.remarks = batchBefore, before }()
	u.batch, u.remarks = batch{}, remarks{}
	u.remarks.add(f, u.session.shard.srv.nodes())
	need := u.need(f)
	if u.session.primaryOnly() {
		need = routing.Write
	}
	return u.input(need), u.session.route
}

// held is where the session's server keeps its statements.
func (u *turn) held() (routing.Route, bool) {
	s := u.session
	if s.server == nil {
		return routing.Route{}, false
	}
	at := routing.Route{Node: s.server.Node()}
	switch {
	case s.tx != wire.TxIdle && !s.block.loose:
		at.Reason = routing.InBlock
	case s.pin != sqlparse.PinNone:
		at.Reason = routing.Pinned
	case s.keepsServer():
		at.Reason = routing.SessionBound
	default:
		return routing.Route{}, false
	}
	return at, true
}

// nodeName is a node with its address and role.
func (u *turn) nodeName(id cluster.NodeID) string {
	if id == cluster.NoNode {
		return "none"
	}
	n := &u.session.shard.srv.board.Current().Nodes[id]
	return fmt.Sprintf("node %d (%s, %s)", id, n.Address(), n.Role)
}

// statementLine tells of a text that would be sent with this need.
func statementLine(f *sqlparse.Facts, need routing.Need) string {
	does := "reads"
	switch {
	case need == routing.Read && f.Kind == sqlparse.Begin:
		does = "goes with the statement behind it"
	case need != routing.Read && needOf(f) == routing.Write:
		does = "needs the primary"
	}
	line := "Statement: " + f.Kind.String() + ", " + does
	if f.Traits != 0 {
		line += " (" + strings.ReplaceAll(f.Traits.String(), "+", ", ") + ")"
	}
	return line
}

// hint says, too, when there is nothing to be done about one.
func (u *turn) hint(h sqlparse.Hint) string {
	if h.Kind == sqlparse.HintNode && h.Node >= u.session.shard.srv.nodes() {
		return h.String() + ", which there is not"
	}
	return h.String()
}

// objectLines tell of what a text uses.
func objectLines(f *sqlparse.Facts) (lines []string) {
	if len(f.Tables) > 0 {
		lines = append(lines, "  Tables: "+tableNames(f.Tables))
	}
	if len(f.Functions) > 0 {
		lines = append(lines, "  Functions: "+functionNames(f.Functions))
	}
	return lines
}

func tableNames(tables []sqlparse.Table) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = qualified(t.Schema, t.Name)
		if t.Written {
			names[i] += " (written)"
		}
	}
	return strings.Join(names, ", ")
}

func functionNames(functions []sqlparse.Function) string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = qualified(f.Schema, f.Name)
	}
	return strings.Join(names, ", ")
}

func qualified(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

// sessionLines are what the session has seen and wants.
func sessionLines(s *routing.Session) []string {
	lines := []string{"Session: consistency " + s.Consistency.String()}
	if s.Route.Target != config.TargetAny {
		lines = append(lines, "  pgherd.route: "+s.Route.String())
	}
	if p := s.Preference; p.Target != config.TargetAny {
		lines = append(lines, fmt.Sprintf("  Preference: %s (%v)", p, p.Ratio))
	}
	return append(lines, "  Token: "+token(s))
}

func token(s *routing.Session) string {
	switch {
	case !s.Since.IsZero():
		return "not known yet: the primary's position after the last write or read there"
	case s.Token.LSN == 0:
		return "none"
	}
	return fmt.Sprintf("%s of epoch %d", s.Token.LSN, s.Token.Epoch)
}

func (u *turn) candidateLine(c routing.Candidate) string {
	srv := u.session.shard.srv
	n := &srv.board.Current().Nodes[c.Node]
	line := fmt.Sprintf("Node %d (%s): %s", c.Node, n.Address(), c.Verdict)
	sample := srv.board.Position(c.Node).Load()
	switch c.Verdict {
	case routing.OutOfService:
		line += fmt.Sprintf(", %s %s", n.Status, n.Role)
	case routing.NotCaughtUp, routing.CutOff, routing.OverDelay, routing.Eligible:
		line += ", " + progress(sample)
	}
	if c.Behind > 0 {
		line += fmt.Sprintf(", %d bytes behind the session", uint64(c.Behind))
	}
	return line
}

// progress is how far a standby was when it was last asked.
func progress(sample *cluster.Sample) string {
	if sample.LSN == 0 {
		return "position not known yet"
	}
	return "replayed " + sample.LSN.String()
}
