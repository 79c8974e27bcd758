package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// Ancestor is a timeline that another one descends from, and where it was left.
type Ancestor struct {
	Timeline Timeline
	Switch   LSN
}

// ParseHistory reads a timeline history file (PostgreSQL documentation, "Timelines"):
// the ancestors, oldest first. Comments begin with #.
func ParseHistory(content string) ([]Ancestor, error) {
	var all []Ancestor
	for _, line := range strings.Split(content, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		a, err := parseAncestor(fields)
		if err != nil {
			return nil, fmt.Errorf("timeline history: line %q: %w", line, err)
		}
		if n := len(all); n > 0 && (a.Timeline <= all[n-1].Timeline || a.Switch < all[n-1].Switch) {
			return nil, fmt.Errorf("timeline history: line %q is out of order", line)
		}
		all = append(all, a)
	}
	return all, nil
}

func parseAncestor(fields []string) (a Ancestor, err error) {
	if len(fields) < 2 {
		return a, fmt.Errorf("a timeline and a position are expected")
	}
	if a.Timeline, err = ParseTimeline(fields[0]); err != nil {
		return a, err
	}
	a.Switch, err = ParseLSN(fields[1])
	return a, err
}

// ParseTimeline reads a decimal number.
func ParseTimeline(text string) (Timeline, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no timeline", text)
	}
	return Timeline(n), nil
}
