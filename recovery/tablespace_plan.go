package recovery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// neighbours are the other nodes on the machine of n, as far as the configuration tells.
func neighbours(s *cluster.Snapshot, n cluster.Node) (ids []cluster.NodeID) {
	for _, other := range s.Nodes {
		local := other.Access == cluster.AccessLocal && n.Access == cluster.AccessLocal
		if other.ID != n.ID && (local || other.Host == n.Host) {
			ids = append(ids, other.ID)
		}
	}
	return ids
}

// placeObstacles stand in the way of the tablespaces among places.
func placeObstacles(f Facts, places []Place) (found []Obstacle) {
	add := func(bad bool, problem, hint string) {
		if bad {
			found = append(found, Obstacle{problem, hint})
		}
	}
	seen := map[string]string{}
	for _, p := range places {
		what := fmt.Sprintf("tablespace %s: %s of node %d", p.Name, p.Path, f.Node.ID)
		elsewhere := fmt.Sprintf("add %q to tablespace_mapping of node %d, with a directory of its own", p.Location+"=...", f.Node.ID)
		add(taken(f, p), what+" holds files, and may be in use by node "+join(f.Neighbours)+", on the same machine",
			elsewhere+"; or if nobody uses the files, move them away")
		add(nested(p.Path, f.Node.DataDirectory), what+" and its data directory, "+f.Node.DataDirectory+", are not apart", elsewhere)
		add(p.MountPoint, what+" is a mount point, whose place a copy cannot take", elsewhere+" below it")
		add(p.Link, what+" is a symbolic link, which a rename would lose", elsewhere+": the one that it leads to")
		add(seen[p.Path] != "", what+" is also to be that of tablespace "+seen[p.Path], elsewhere)
		seen[p.Path] = p.Name
	}
	return found
}

// taken: a directory is the node's own if its data directory links there, and if
// nobody else is on the machine. It never is if the origin there has it.
func taken(f Facts, p Place) bool {
	for _, id := range f.Neighbours {
		if p.Occupant == OtherFiles || id == f.Origin.ID && p.Path == p.Location {
			return true
		}
	}
	return false
}

// nested reports whether one path is the other or below it.
func nested(a, b string) bool {
	return strings.HasPrefix(a+"/", b+"/") || strings.HasPrefix(b+"/", a+"/")
}

func join(ids []cluster.NodeID) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = fmt.Sprint(id)
	}
	return strings.Join(text, " or ")
}

// unlinked are the tablespaces that the node's data directory does not have.
func unlinked(places []Place) (found []Place) {
	for _, p := range places {
		if p.Linked == "" {
			found = append(found, p)
		}
	}
	return found
}

// orphans are the node's own tablespaces that it won't have any more.
func orphans(t *Target, p Procedure) (paths []string) {
	for _, path := range t.Links {
		used := func(place Place) bool { return place.Path == path || p == Rewind && place.Linked == path }
		if !slices.ContainsFunc(t.Places, used) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// spaceObstacles compare what is to be written with what is free, on each file system.
func spaceObstacles(f Facts) (found []Obstacle) {
	t, rest := f.Target, f.Copied.Bytes
	demand := map[string]int64{}
	for _, p := range t.Places {
		rest -= p.Bytes
		demand[p.Volume.device] += p.Bytes
	}
	demand[t.Volume.device] += max(rest, 0)
	check := func(v volume, path string, leftovers []string) {
		if need := needed(demand[v.device]); v.free < need {
			found = append(found, Obstacle{
				fmt.Sprintf("node %d has %s free beside %s, the copy needs %s", f.Node.ID, size(v.free), path, size(need)), spaceHint(leftovers)})
		}
		delete(demand, v.device) // told once
	}
	check(t.Volume, f.Node.DataDirectory, t.Leftovers)
	for _, p := range t.Places {
		check(p.Volume, p.Path, p.Leftovers)
	}
	return found
}

// describePlaces says where tablespaces go; "" when there are none.
func describePlaces(places []Place) string {
	var text strings.Builder
	for _, p := range places {
		fmt.Fprintf(&text, "; tablespace %s goes to %s", p.Name, p.Path)
		if p.Occupant == OtherFiles {
			text.WriteString(", what is there is set aside")
		}
	}
	return text.String()
}
