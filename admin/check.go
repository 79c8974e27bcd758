package admin

import (
	"context"
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

// check looks for what stands in the way of a reload, a promotion and a recovery,
// before any of them is needed.
func check(d Deps) command {
	return command{
		words:   []string{"CHECK"},
		help:    "why RELOAD, PROMOTE NODE and RECOVER NODE would be refused now; nothing is done",
		columns: columns("subject:s result:s problem:s hint:s"),
		parse: nothingMore(func(ctx context.Context, _ func(string)) ([][]any, error) {
			c := &checks{Deps: d}
			c.config()
			c.primary()
			for _, n := range d.Board.Current().Nodes {
				if err := c.node(ctx, n); err != nil {
					return nil, err
				}
			}
			return c.rows, nil
		}),
	}
}

// checks collects the rows of CHECK.
type checks struct {
	Deps
	rows [][]any
}

func (c *checks) add(subject, result, problem, hint string) {
	c.rows = append(c.rows, []any{subject, result, nullText(problem), nullText(hint)})
}

// found adds an error, or that there is none.
func (c *checks) found(subject string, err error) {
	if err == nil {
		c.add(subject, "ok", "", "")
		return
	}
	e := asSQLError(err)
	c.add(subject, "refused", e.message, e.hint)
}

func (c *checks) config() { c.found("RELOAD", c.Process.CheckConfig()) }

func (c *checks) primary() {
	if p := c.Board.Current().Primary; p == cluster.NoNode {
		c.add("primary", "failed", "there is no primary", "the nodes' rows say why, and SHOW POOL_EVENTS what happened")
	} else {
		c.add("primary", "ok", "", "")
	}
}

func (c *checks) node(ctx context.Context, n cluster.NodeState) error {
	c.service(n)
	if n.Role == cluster.Primary {
		return nil
	}
	if n.Status == cluster.Down {
		c.found(fmt.Sprintf("RECOVER NODE %d", n.ID), c.Recovery.Check(ctx, n.ID))
	}
	plan, err := c.Cluster.Explain(ctx, n.ID, Switchover)
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("PROMOTE NODE %d", n.ID)
	for _, o := range plan.Obstacles {
		c.add(subject, o.kind(), o.Problem, o.Hint)
	}
	if len(plan.Obstacles) == 0 {
		c.add(subject, "ok", "", "")
	}
	return nil
}

// service is whether a node does what it is there for.
func (c *checks) service(n cluster.NodeState) {
	subject := fmt.Sprintf("node %d", n.ID)
	switch {
	case n.Status != cluster.Up:
		c.add(subject, "failed", n.Status.String()+suffix(": ", n.Reason), c.remedy(n))
	case n.Role == cluster.Standby && n.ReplicationState != "streaming":
		c.add(subject, "failed", "it does not stream from the primary", fmt.Sprintf("see the log of node %d", n.ID))
	default:
		c.add(subject, "ok", "", "")
	}
}

// remedy is what brings a node back into service.
func (c *checks) remedy(n cluster.NodeState) string {
	switch {
	case n.Status == cluster.Recovering:
		return "SHOW POOL_RECOVERY tells how far it is"
	case n.Status == cluster.Quarantine:
		return fmt.Sprintf("see that the server of node %d runs and is reached: it is used again as soon as it answers", n.ID)
	case c.Board.Current().Primary == cluster.NoNode:
		return "there has to be a primary first"
	}
	return fmt.Sprintf("ATTACH NODE %d or RECOVER NODE %d", n.ID, n.ID)
}

// suffix is text with something in front; "" for none.
func suffix(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
