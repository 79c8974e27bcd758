package recovery

import (
	"fmt"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Procedure is a way to bring a node back.
type Procedure int

const (
	Undecided Procedure = iota
	Follow              // start it as a standby: its log is part of the primary's
	Rewind              // pg_rewind takes back what it alone has
	Rebuild             // a base backup of the primary replaces the data directory
	TwoStage            // Scripts do it; never the choice of Diagnose
)

func (p Procedure) String() string {
	return [...]string{"undecided", "follow", "rewind", "rebuild", "two_stage"}[p]
}

// Facts are what Plan decides from. Source and Target are nil until they have
// been looked at; the picture alone can already rule a recovery out.
type Facts struct {
	Asked      cluster.NodeID // what the operator named
	How        Options        // what the operator asked for
	Nodes      int            // how many nodes are configured
	Node       cluster.NodeState
	Primary    cluster.NodeState // ID is cluster.NoNode while there is none
	Origin     cluster.NodeState // whose files are copied: the primary, unless another was asked for
	Copiers    []cluster.NodeID  // for whose recovery Node itself is being copied
	Neighbours []cluster.NodeID  // on the machine of Node
	Source     *Source           // the primary
	Copied     *Source           // Origin; Source itself when that is the primary
	Target     *Target
}

// Source is what the primary, or another node to copy from, says of itself.
type Source struct {
	InRecovery       bool
	Major            int    // of server_version_num
	SystemIdentifier string // IDENTIFY_SYSTEM
	Timeline         cluster.Timeline
	Position         cluster.LSN        // to where its log is flushed, a standby's replayed
	History          []cluster.Ancestor // of Timeline
	OldestLog        cluster.LSN        // where the oldest segment begins; 0 when it may not be looked at
	ReplicationError string             // why a replication connection failed, "" when it works
	Lacks            []Obstacle         // what the monitor's account needs for any recovery, and has not
	LacksRewind      []Obstacle         // and for a rewind
	Bytes            int64              // all databases
	FreeSenders      int                // max_wal_senders less those in use
	FreeSlots        int                // max_replication_slots less those that exist
	HasSlot          bool               // the node's slot exists already
	Tablespaces      []Tablespace
	ConfigOutside    bool     // postgresql.conf is not in the data directory
	FilesOutside     []string // hba_file, ident_file that are not
}

// Directory says what is at the node's data directory.
type Directory int

const (
	DirMissing  Directory = iota // nothing, or an empty directory
	DirReadable                  // a data directory whose control file can be read
	DirDamaged                   // a data directory with an unreadable control file
	DirOther                     // files that are no data directory
	DirLink                      // a symbolic link, which a rename would lose
)

// Target is the state of the node's own machine.
type Target struct {
	Directory        Directory
	Major            int    // PG_VERSION, 0 when unknown
	SystemIdentifier string // of DirReadable
	Volume           volume // beside the data directory
	HasConfig        bool   // a readable postgresql.conf of its own
	Leftovers        []string
	Places           []Place           // for Copied.Tablespaces, in their order
	Links            map[uint32]string // its tablespaces, by OID
	Running          bool              // a server works in it: its log still grows
	MountPoint       bool              // the data directory is one, which cannot be renamed
	Unfinished       string            // what else makes the directory unusable, "" for nothing
	Log              *Log              // nil when it could not be read
	LogError         string            // why
	Missing          []string          // files that it has lost, relative to the data directory; means something to Follow only
	Short            []string          // and those that have lost their ends
	Archive          Archive
}

// Obstacle is one reason not to begin, and what to do about it.
type Obstacle struct{ Problem, Hint string }

// Plan chooses the procedure. It is Undecided when there are obstacles, and while
// not everything has been looked at.
func Plan(f Facts) (Procedure, []Obstacle) {
	found := pictureObstacles(f)
	if len(found) == 0 {
		found = append(found, originObstacles(f)...)
	}
	if len(found) == 0 && f.Source != nil {
		found = append(found, sourceObstacles(f)...)
	}
	if len(found) == 0 && f.Target != nil {
		found = append(found, targetObstacles(f)...)
	}
	if len(found) > 0 || f.Source == nil || f.Target == nil {
		return Undecided, found
	}
	procedure, found := choose(f)
	switch procedure {
	case Rewind:
		found = append(found, rewindObstacles(f)...)
	case Rebuild:
		found = append(found, rebuildObstacles(f)...)
	}
	if len(found) > 0 {
		return Undecided, found
	}
	return procedure, nil
}

// choose takes the operator's word, unless it would not bring the node back.
func choose(f Facts) (Procedure, []Obstacle) {
	best, why := Diagnose(f.Source, f.Target)
	wanted := f.How.Procedure
	switch {
	case f.How.Limit != Undecided && best > f.How.Limit:
		return Undecided, one(fmt.Sprintf("node %d has to be recovered by %s, which is more than %s: %s", f.Node.ID, best, f.How.Limit, why),
			fmt.Sprintf("RECOVER NODE %d does it", f.Node.ID))
	case wanted == Undecided, wanted == best:
		return best, nil
	case wanted == Rebuild:
		return Rebuild, nil
	}
	return Undecided, one(fmt.Sprintf("%s would not bring node %d back: %s", wanted, f.Node.ID, why),
		fmt.Sprintf("recover it by %s, or leave the choice to pgherd", best))
}

// pictureObstacles are the refusals that need no look at any node. Each makes
// the next ones meaningless, so there is one at most.
func pictureObstacles(f Facts) []Obstacle {
	n := f.Node
	switch {
	case f.Asked < 0 || int(f.Asked) >= f.Nodes:
		return one(fmt.Sprintf("node %d does not exist", f.Asked),
			fmt.Sprintf("nodes are numbered from 0 to %d", f.Nodes-1))
	case f.Primary.ID == cluster.NoNode:
		return one("there is no primary to copy from", "wait for a failover to end, start the server of the last primary, or run PROMOTE NODE first")
	case f.Primary.ID == n.ID:
		return one(fmt.Sprintf("node %d is the primary", n.ID), "run PROMOTE NODE for another node first")
	case !n.Access.Machine() && f.How.Procedure != TwoStage:
		return one(fmt.Sprintf("node %d has access %s: pgherd itself cannot stop, rebuild or start it", n.ID, n.Access), accessHint(n.Access))
	case n.DataDirectory == "":
		return one(fmt.Sprintf("node %d has no data_directory", n.ID), "set data_directory of the node in the configuration")
	case n.Host == f.Primary.Host && n.DataDirectory == f.Primary.DataDirectory:
		return one(fmt.Sprintf("node %d and the primary, node %d, are configured with one data_directory", n.ID, f.Primary.ID),
			"correct data_directory in the configuration")
	case len(f.Copiers) > 0:
		return beingCopied(n.ID, f.Copiers[0])
	case healthy(n) && !f.How.Force:
		return one(fmt.Sprintf("node %d is %s and streaming: it needs no recovery", n.ID, n.Status),
			fmt.Sprintf("RECOVER NODE %d FORCE does it nevertheless", n.ID))
	}
	return nil
}

func healthy(n cluster.NodeState) bool {
	return n.Status.Serves() && n.PGUp && n.ReplicationState == "streaming"
}

func sourceObstacles(f Facts) (found []Obstacle) {
	s, p := f.Source, f.Primary.ID
	add := func(bad bool, problem, hint string) {
		if bad {
			found = append(found, Obstacle{problem, hint})
		}
	}
	found = append(found, s.Lacks...)
	add(s.InRecovery, fmt.Sprintf("node %d is in recovery: it is not the primary that pgherd takes it for", p),
		"wait until a primary is found, see SHOW POOL_NODES")
	add(s.ReplicationError != "" && len(s.Lacks) == 0, fmt.Sprintf("node %d refuses a replication connection: %s", p, s.ReplicationError),
		allowReplication)
	add(s.FreeSenders < 1, fmt.Sprintf("node %d has no free WAL sender", p), moreSenders)
	add(s.FreeSlots < 1 && !s.HasSlot, fmt.Sprintf("node %d has no free replication slot", p),
		"drop unused slots or raise max_replication_slots (needs a restart)")
	return found
}

func targetObstacles(f Facts) (found []Obstacle) {
	s, t, n := f.Source, f.Target, f.Node
	add := func(bad bool, problem, hint string) {
		if bad {
			found = append(found, Obstacle{problem, hint})
		}
	}
	add(t.Directory == DirOther, fmt.Sprintf("%s of node %d holds files but is no PostgreSQL data directory", n.DataDirectory, n.ID),
		"correct data_directory, or move the files away")
	add(t.Directory == DirLink, fmt.Sprintf("%s of node %d is a symbolic link", n.DataDirectory, n.ID),
		"configure the directory that it leads to as data_directory")
	add(t.Major != 0 && t.Major != s.Major, fmt.Sprintf("node %d is of PostgreSQL %d, the primary of %d", n.ID, t.Major, s.Major),
		"install the primary's major version on the node and move the old data directory away")
	add(t.Directory == DirReadable && t.SystemIdentifier != s.SystemIdentifier,
		fmt.Sprintf("%s of node %d belongs to another cluster (system identifier %s, here %s)", n.DataDirectory, n.ID, t.SystemIdentifier, s.SystemIdentifier),
		"correct data_directory, or move the foreign directory away")
	return found
}

const moreSenders = "raise max_wal_senders (needs a restart) or end unused replication connections"

// rebuildObstacles stand in the way of a copy only.
func rebuildObstacles(f Facts) (found []Obstacle) {
	s, t, n, p := f.Copied, f.Target, f.Node, f.Origin.ID
	add := func(bad bool, problem, hint string) {
		if bad {
			found = append(found, Obstacle{problem, hint})
		}
	}
	add(s.FreeSenders < 2, fmt.Sprintf("node %d has %d free WAL senders, a base backup needs 2", p, s.FreeSenders), moreSenders)
	add(t.MountPoint, fmt.Sprintf("%s of node %d is a mount point, whose place a copy cannot take", n.DataDirectory, n.ID),
		"have data_directory be a directory below the mount point, or rebuild the node by hand with pg_basebackup and run ATTACH NODE")
	found = append(found, spaceObstacles(f)...)
	found = append(found, placeObstacles(f, t.Places)...)
	add(!t.HasConfig && s.ConfigOutside, fmt.Sprintf("node %d would have no postgresql.conf: that of node %d is outside its data directory and the node has none of its own", n.ID, p),
		"put a postgresql.conf into the data directory of the node")
	return found
}

// needed is the room a copy takes: the databases and a tenth for log and growth.
func needed(databases int64) int64 { return databases + databases/10 }

func spaceHint(leftovers []string) string {
	if len(leftovers) == 0 {
		return "free some space on that file system"
	}
	return "free some space; directories of earlier recoveries are still there: " + strings.Join(leftovers, ", ")
}

func accessHint(a cluster.Access) string {
	if a == cluster.AccessSQL {
		return "leave the way to the scripts: set recovery.recovery_1st_stage_command, and name no other procedure"
	}
	return "set access and data_directory of the node in the configuration"
}

func one(problem, hint string) []Obstacle { return []Obstacle{{problem, hint}} }
