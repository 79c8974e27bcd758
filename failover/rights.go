package failover

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// rightsTTL is how long it is believed that an account lacks nothing.
const rightsTTL = time.Minute

// account remembers what the monitor's account lacks on a node.
type account struct {
	lacks rights.Missing
	asked time.Time
}

// ask asks anew each time while something is missing: whoever grants it wants to see that
// at once.
func (a *account) ask(ctx context.Context, conn *pgx.Conn, now time.Time) (rights.Missing, error) {
	if len(a.lacks) == 0 && now.Sub(a.asked) < rightsTTL {
		return nil, nil
	}
	lacks, err := rights.Ask(ctx, conn)
	if err == nil {
		a.lacks, a.asked = lacks, now
	}
	return lacks, err
}

// lacksToLead is what is missing for a promotion of n. It must not come to light when
// there is no way back.
func (n *NodeView) lacksToLead() rights.Missing { return lacksToLead(n.Node, n.Last.Lacks) }

// lacksToLead leaves out what is done on the node's machine otherwise.
func lacksToLead(n cluster.Node, lacks rights.Missing) rights.Missing {
	lacks = lacks.For(rights.Watch, rights.Lead)
	if n.Access.Machine() {
		return lacks.Without(rights.Lead)
	}
	return lacks
}

func (s *stepper) problem(m rights.Missing) string { return m.Problem(s.Config.Monitor.User) }

// superuserInstead is the way when nobody is left to grant anything.
const superuserInstead = "Start the primary, or have monitor.user be a superuser and restart pgherd."

func (s *stepper) grants(m rights.Missing) string {
	if s.leaderless() {
		return superuserInstead
	}
	return m.Remedy(s.Config.Monitor.User, s.Config.Monitor.Database)
}

// tellRights warns of what the account lacks for what the configuration has pgherd do by
// itself. Standbys have the primary's rights: that one's are told.
func (s *stepper) tellRights(p *NodeView) {
	if !p.claims() || len(s.Nodes) < 2 {
		return
	}
	lacks, told := s.lacksToServe(p), s.ToldRights
	s.ToldRights = ""
	if len(lacks) > 0 {
		s.ToldRights = s.problem(lacks) + ". " + s.grants(lacks)
	}
	if s.ToldRights != "" && s.ToldRights != told {
		s.note("no %s: on node %d, %s", purpose(lacks), p.ID, s.ToldRights)
	}
}

// lacksToServe is what is missing for a failover to the standby that is worst off, or
// where there is to be none, for reads.
func (s *stepper) lacksToServe(p *NodeView) (most rights.Missing) {
	if !s.Config.Auto {
		return p.Last.Lacks.For(rights.Watch)
	}
	for _, n := range s.Nodes {
		if lacks := lacksToLead(n.Node, p.Last.Lacks); n.ID != p.ID && len(lacks) > len(most) {
			most = lacks
		}
	}
	return most
}

func purpose(lacks rights.Missing) string {
	if len(lacks.For(rights.Watch)) > 0 {
		return "reads on standbys and no failover"
	}
	return "failover"
}

// blindReason is for a standby of which cannot be told whom it follows.
func (s *stepper) blindReason(lacks rights.Missing) string {
	return "whether it streams cannot be seen: " + s.problem(lacks) + ". " + s.grants(lacks)
}

// nobodyMay is why none of the candidates can be promoted, "" when one can.
func (s *stepper) nobodyMay() (why string) {
	for _, n := range s.candidates() {
		lacks := n.lacksToLead()
		if len(lacks) == 0 {
			return ""
		}
		why = fmt.Sprintf("node %d cannot take over: %s. %s", n.ID, s.problem(lacks), superuserInstead)
	}
	return why
}

// rights: whatever is forced, a promotion needs them; and the other standbys are to follow.
func (c *check) rights() {
	c.granted(c.n, c.n.lacksToLead())
	for _, n := range c.candidates() {
		if n.ID != c.n.ID && n.Access != c.n.Access && c.w.Mode != Force {
			c.granted(n, n.lacksToLead())
		}
	}
	if c.Primary == cluster.NoNode || c.leaderless() || !c.unstoppable(c.Primary) {
		return
	}
	p := &c.Nodes[c.Primary]
	c.granted(p, p.Last.Lacks.For(rights.Demote))
}

func (c *check) granted(n *NodeView, lacks rights.Missing) {
	if len(lacks) > 0 {
		c.add(lasting, c.grants(lacks), "on node %d, %s", n.ID, c.problem(lacks))
	}
}
