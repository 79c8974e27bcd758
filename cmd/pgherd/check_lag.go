package main

import (
	"fmt"
	"io"

	"github.com/pgherd/pgherd/internal/cluster"
)

// printLag says how far each standby is behind the primary, where both have said
// where they are. The nodes were asked one after another, so a primary that is
// written to may seem a little further ahead than it is.
func printLag(nodes []nodeCheck, out io.Writer) {
	for _, primary := range nodes {
		end, err := cluster.ParseLSN(primary.position)
		if primary.role != "primary" || err != nil {
			continue
		}
		for i := range nodes {
			nodes[i].printLag(primary, end, out)
		}
		return
	}
}

func (c *nodeCheck) printLag(primary nodeCheck, end cluster.LSN, out io.Writer) {
	at, err := cluster.ParseLSN(c.position)
	if c.role == "standby" && c.system == primary.system && err == nil {
		c.print(out, "", fmt.Sprintf("%d bytes behind node %d", end.Sub(at), primary.ID), nil)
	}
}
