package main

import (
	"errors"
	"io"
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/rights"
)

// purpose is what some rights are for.
type purpose struct {
	about  string
	part   rights.Part
	wanted bool // the configuration has pgherd do it by itself
}

// purposes of the rights on a node.
func (c *nodeCheck) purposes(cfg *config.Config) []purpose {
	list := []purpose{{"reads on standbys, failover: ", rights.Watch, true}, {"failover, PROMOTE NODE: ", rights.Lead, cfg.Failover.Auto}}
	if !c.Access.Stops() {
		list = append(list, purpose{"PROMOTE NODE while this one is the primary: ", rights.Demote, false})
	}
	if slices.ContainsFunc(nodesOf(cfg), func(n cluster.Node) bool { return n.Access.Machine() }) {
		list = append(list, purpose{"RECOVER NODE: ", rights.Copy, false}, purpose{"RECOVER NODE by a rewind: ", rights.Rewind, false})
	}
	return list
}

// checkRights says what the monitor's account lacks. Where there is one node, nothing is
// needed.
func (c *nodeCheck) checkRights(cfg *config.Config, out io.Writer) {
	if c.failed || len(cfg.Nodes) < 2 {
		return
	}
	as := monitorOf(cfg)
	for _, p := range c.purposes(cfg) {
		lacks := c.lacks.For(p.part)
		if p.part == rights.Lead && c.Access.Machine() {
			lacks = lacks.Without(rights.Lead) // what is done on the machine then
		}
		if len(lacks) == 0 {
			continue
		}
		text := lacks.Problem(as.User) + "\n" + lacks.Remedy(as.User, as.Database)
		if p.wanted {
			c.print(out, p.about, "", errors.New(text))
		} else {
			c.print(out, p.about, text, nil)
		}
	}
}
