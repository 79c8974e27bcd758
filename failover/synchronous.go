package failover

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// numbered are the forms of synchronous_standby_names that begin with a number.
var numbered = regexp.MustCompile(`(?i)^\s*(?:(?:FIRST|ANY)\s+)?(\d+)\s*\(`)

// acksOf is how many standbys a commit waits for.
func acksOf(names string) int {
	if m := numbered.FindStringSubmatch(names); m != nil {
		n, _ := strconv.Atoi(m[1]) // PostgreSQL has taken it
		return n
	}
	if strings.TrimSpace(names) == "" {
		return 0
	}
	return 1
}

// noteSynchronous keeps State.Sync such that every acknowledged commit is on
// Acks of its members, also while they change: a member that has gone counts
// until enough of those that stay have flushed what the primary had when it was
// gone.
func (s *stepper) noteSynchronous(r Report) {
	now, fed, flushed := s.synchronousIn(r)
	before := s.Sync
	switch {
	case fed < now.Acks:
		return // commits wait: none is acknowledged by fewer
	case now.Acks == 0, before.Acks == 0, covers(now, before):
		s.Sync, s.Barrier = now, 0
	case !covers(now, s.Seen): // somebody has gone just now
		s.Sync, s.Barrier = joint(before, now), r.Received
		s.emit(Action{Kind: Probe, Node: s.Primary}) // until it is passed, a failover may have to be refused
	case flushed >= s.Barrier:
		s.Sync, s.Barrier = now, 0
	default:
		s.Sync = joint(before, now)
	}
	s.Seen = now
	if !s.Sync.Equal(before) {
		s.save()
	}
}

// synchronousIn reads a primary's report: who takes part in acknowledging, how
// many of them do now, and what Acks of our nodes among them have flushed. A
// failover asks all but Acks-1 of them, so it asks one that has that much.
func (s *stepper) synchronousIn(r Report) (now cluster.Synchronous, fed int, flushed cluster.LSN) {
	now.Acks = r.Acks
	var ends []cluster.LSN
	for _, f := range r.Followers {
		if r.Acks == 0 || f.SyncState != "sync" && f.SyncState != "quorum" && f.SyncState != "potential" {
			continue
		}
		if f.SyncState != "potential" {
			fed++
		}
		i := slices.IndexFunc(s.Nodes, func(n NodeView) bool { return n.Name == f.Name })
		switch {
		case i < 0:
			now.Others++
		case !slices.Contains(now.Members, s.Nodes[i].ID):
			now.Members = append(now.Members, s.Nodes[i].ID)
			ends = append(ends, f.Flushed)
		}
	}
	slices.Sort(now.Members)
	slices.Sort(ends)
	if len(ends) >= r.Acks && r.Acks > 0 {
		flushed = ends[len(ends)-r.Acks]
	}
	return now, fed, flushed
}

// covers reports whether a commit that b has acknowledged is on enough members of a, too.
func covers(a, b cluster.Synchronous) bool {
	return a.Acks <= b.Acks && a.Others >= b.Others &&
		!slices.ContainsFunc(b.Members, func(id cluster.NodeID) bool { return !slices.Contains(a.Members, id) })
}

// joint covers both.
func joint(a, b cluster.Synchronous) cluster.Synchronous {
	all := slices.Concat(a.Members, b.Members)
	slices.Sort(all)
	return cluster.Synchronous{Acks: min(a.Acks, b.Acks), Members: slices.Compact(all), Others: max(a.Others, b.Others)}
}

// crowned is a when node has become the primary: until others are seen to have
// its log, it may be the only one that has what was acknowledged before.
func crowned(a cluster.Synchronous, node cluster.NodeID) cluster.Synchronous {
	if a.Acks == 0 {
		return a
	}
	return joint(a, cluster.Synchronous{Acks: 1, Members: []cluster.NodeID{node}})
}

// complete tells why the logs that were found may lack an acknowledged commit,
// or nil: the set that was asked must meet every set that may have acknowledged
// one (R + W > N).
func (s *stepper) complete(found []Candidate) error {
	var missing []string
	for _, id := range s.Sync.Members {
		if !slices.ContainsFunc(found, func(c Candidate) bool { return c.Node == id }) {
			missing = append(missing, strconv.Itoa(int(id)))
		}
	}
	if s.Sync.Acks == 0 || len(missing)+s.Sync.Others < s.Sync.Acks {
		return nil
	}
	if len(missing) == 0 {
		return refuse("Give it the log of those standbys by restore_command, or PROMOTE NODE n FORCE and lose what only they have.",
			"commits waited for %d of the synchronous standbys, and %d of these are no nodes of pgherd: their log may hold commits that nobody else has",
			s.Sync.Acks, s.Sync.Others)
	}
	return refuse(fmt.Sprintf("Start node %s; or PROMOTE NODE n FORCE and lose what only it has.", strings.Join(missing, " or node ")),
		"commits waited for %d of %d synchronous standbys, of which node %s is not there: its log may hold commits that nobody else has",
		s.Sync.Acks, len(s.Sync.Members)+s.Sync.Others, strings.Join(missing, " and node "))
}
