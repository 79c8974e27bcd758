package recovery

import (
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// brokenStandby is a case that nothing speaks against: node 1 is down, node 0
// is a good primary.
func brokenStandby() Facts {
	node := func(id cluster.NodeID) cluster.Node {
		return cluster.Node{ID: id, Host: "db", Port: 5432 + int(id), DataDirectory: "/d/n" + string(rune('0'+id)), Access: cluster.AccessLocal}
	}
	f := Facts{
		Asked: 1, Nodes: 2, How: By(Undecided),
		Node:    cluster.NodeState{Node: node(1), Status: cluster.Down},
		Primary: cluster.NodeState{Node: node(0), Status: cluster.Up, Role: cluster.Primary, PGUp: true},
		Source:  &Source{Major: 15, SystemIdentifier: "7", Bytes: 1000, FreeSenders: 2, FreeSlots: 1},
		Target:  &Target{Directory: DirReadable, Major: 15, SystemIdentifier: "7", Volume: volume{free: 1100}, HasConfig: true},
	}
	f.Origin, f.Copied = f.Primary, f.Source
	return f
}

// fromStandby has node 2, a good standby, be the source.
func fromStandby(f *Facts) {
	f.Nodes, f.How.Source = 3, 2
	f.Origin = cluster.NodeState{Node: cluster.Node{ID: 2}, Status: cluster.Up, PGUp: true, ReplicationState: "streaming"}
	f.Copied = &Source{Major: 15, Bytes: 1000, FreeSenders: 2, InRecovery: true}
}

// planCase is what is changed of brokenStandby, and what Plan says to that.
type planCase struct {
	name   string
	change func(*Facts)
	want   string // part of the first problem; "" for a rebuild
}

func checkPlans(t *testing.T, cases []planCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := brokenStandby()
			c.change(&f)
			checkPlan(t, f, c.want)
		})
	}
}

func TestPlan(t *testing.T) {
	checkPlans(t, []planCase{
		{"nothing in the way", func(*Facts) {}, ""},
		{"unknown node", func(f *Facts) { f.Asked = 2 }, "node 2 does not exist"},
		{"negative node", func(f *Facts) { f.Asked = -1 }, "node -1 does not exist"},
		{"no primary", func(f *Facts) { f.Primary = cluster.NodeState{Node: cluster.Node{ID: cluster.NoNode}} }, "no primary"},
		{"the primary itself", func(f *Facts) { f.Node = f.Primary }, "node 0 is the primary"},
		{"access none", func(f *Facts) { f.Node.Access = cluster.AccessNone }, "access none"},
		{"access sql", func(f *Facts) { f.Node.Access = cluster.AccessSQL }, "access sql"},
		{"no data directory", func(f *Facts) { f.Node.DataDirectory = "" }, "no data_directory"},
		{"the primary's directory", func(f *Facts) { f.Node.DataDirectory = f.Primary.DataDirectory }, "one data_directory"},
		{"healthy", func(f *Facts) { stream(f, cluster.Up) }, "needs no recovery"},
		{"healthy, by force", func(f *Facts) { stream(f, cluster.Up); f.How.Force = true }, ""},
		{"being copied", func(f *Facts) { stream(f, cluster.Up); f.How.Force, f.Copiers = true, []cluster.NodeID{2} }, "for the recovery of node 2"},
		{"a mount point", func(f *Facts) { f.Target.MountPoint = true }, "/d/n1 of node 1 is a mount point"},
		{"from a standby", fromStandby, ""},
		{"from a standby, the primary's senders are taken", func(f *Facts) { fromStandby(f); f.Source.FreeSenders = 1 }, ""},
		{"from a standby without senders", func(f *Facts) { fromStandby(f); f.Copied.FreeSenders = 1 }, "node 2 has 1 free WAL senders"},
		{"from a standby without replication", func(f *Facts) { fromStandby(f); f.Copied.ReplicationError = "no entry" }, "node 2 refuses a replication"},
		{"from one that is down", func(f *Facts) { fromStandby(f); f.Origin.Status = cluster.Down }, "node 2, the source, is down"},
		{"from itself", func(f *Facts) { f.Origin = f.Node }, "its own source"},
		{"from nobody", func(f *Facts) { f.Origin.ID = 7 }, "node 7, the source, does not exist"},
		{"without a right", func(f *Facts) {
			f.Source.Lacks, f.Source.ReplicationError = one("no REPLICATION", "grant it"), "denied"
		}, "no REPLICATION"},
		{"without the rights to rewind", func(f *Facts) { f.Source.LacksRewind = one("no pg_ls_dir", "grant it") }, ""},
		{"streaming but detached", func(f *Facts) { stream(f, cluster.Down) }, ""},
		{"up but not streaming", func(f *Facts) { f.Node.Status, f.Node.PGUp = cluster.Up, true }, ""},
		{"source in recovery", func(f *Facts) { f.Source.InRecovery = true }, "node 0 is in recovery"},
		{"no replication", func(f *Facts) { f.Source.ReplicationError = "no pg_hba.conf entry" }, "no pg_hba.conf entry"},
		{"one walsender", func(f *Facts) { f.Source.FreeSenders = 1 }, "1 free WAL senders"},
		{"no slot free", func(f *Facts) { f.Source.FreeSlots = 0 }, "no free replication slot"},
		{"its own slot is there", func(f *Facts) { f.Source.FreeSlots, f.Source.HasSlot = 0, true }, ""},
		{"other major version", func(f *Facts) { f.Target.Major = 14 }, "of PostgreSQL 14, the primary of 15"},
		{"foreign cluster", func(f *Facts) { f.Target.SystemIdentifier = "8" }, "belongs to another cluster"},
		{"missing directory", func(f *Facts) { *f.Target = Target{Volume: volume{free: 1100}} }, ""},
		{"damaged directory", func(f *Facts) { *f.Target = Target{Directory: DirDamaged, Volume: volume{free: 1100}} }, ""},
		{"other files", func(f *Facts) { *f.Target = Target{Directory: DirOther, Volume: volume{free: 1100}} }, "no PostgreSQL data directory"},
		{"symbolic link", func(f *Facts) { *f.Target = Target{Directory: DirLink, Volume: volume{free: 1100}} }, "symbolic link"},
		{"a byte short", func(f *Facts) { f.Target.Volume.free = 1099 }, "the copy needs 1100 bytes"},
		{"no configuration anywhere", func(f *Facts) { f.Target.HasConfig, f.Source.ConfigOutside = false, true }, "no postgresql.conf"},
		{"its own configuration", func(f *Facts) { f.Source.ConfigOutside = true }, ""},
	})
}

func TestPlanOfTablespaces(t *testing.T) {
	checkPlans(t, []planCase{
		{"tablespaces", func(f *Facts) { f.Target.Places = []Place{fast(OwnFiles), slow(Vacant)} }, ""},
		{"a tablespace of the neighbour", func(f *Facts) { neighboured(f); f.Target.Places = []Place{fast(OtherFiles)} }, "in use by node 0"},
		{"the neighbour's, that the node links to", func(f *Facts) { neighboured(f); f.Target.Places = []Place{fast(OwnFiles)} }, "in use by node 0"},
		{"a mapped one", func(f *Facts) { neighboured(f); f.Target.Places = []Place{slow(OwnFiles)} }, ""},
		{"files that nobody else has", func(f *Facts) { f.Target.Places = []Place{fast(OtherFiles)} }, ""},
		{"two in one place", func(f *Facts) { f.Target.Places = []Place{fast(Vacant), fast(Vacant)} }, "also to be that of"},
		{"one in the data directory", func(f *Facts) { f.Target.Places = []Place{{Path: "/d/n1/ts"}} }, "not apart"},
		{"one that is a mount point", func(f *Facts) { f.Target.Places = []Place{{Path: "/m", MountPoint: true}} }, "mount point"},
		{"one that is a link", func(f *Facts) { f.Target.Places = []Place{{Path: "/m", Link: true}} }, "symbolic link"},
		{"no room for tablespaces", func(f *Facts) { placed(f, 600, 659) }, "beside /ssd/fast, the copy needs 660"},
		{"room for tablespaces", func(f *Facts) { placed(f, 600, 660); f.Target.Volume.free = 440 }, ""},
		{"no room beside them", func(f *Facts) { placed(f, 600, 660); f.Target.Volume.free = 439 }, "the copy needs 440"},
		{"room for both on one disk", func(f *Facts) { placed(f, 600, 0); f.Target.Places[0].Volume = f.Target.Volume }, ""},
	})
}

func stream(f *Facts, s cluster.Status) {
	f.Node.Status, f.Node.PGUp, f.Node.ReplicationState = s, true, "streaming"
}

// fast has the path that it has at the origin, slow another.
func fast(o Occupant) Place {
	return Place{Tablespace: Tablespace{Name: "fast", Location: "/ssd/fast"}, Path: "/ssd/fast", Occupant: o}
}

func slow(o Occupant) Place {
	return Place{Tablespace: Tablespace{Name: "slow", Location: "/hdd/slow"}, Path: "/hdd/slow1", Occupant: o}
}

func neighboured(f *Facts) { f.Neighbours = []cluster.NodeID{0} }

// placed has a tablespace of some bytes on a disk of its own.
func placed(f *Facts, bytes, free int64) {
	p := fast(Vacant)
	p.Bytes, p.Volume = bytes, volume{"another", free}
	f.Target.Places = []Place{p}
}

func TestPlanOfThePictureAlone(t *testing.T) {
	f := brokenStandby()
	f.Source, f.Target = nil, nil
	if procedure, found := Plan(f); procedure != Undecided || len(found) > 0 {
		t.Errorf("got %v %v, want nothing yet", procedure, found)
	}
}

func checkPlan(t *testing.T, f Facts, want string) {
	t.Helper()
	procedure, found := Plan(f)
	if want == "" {
		if procedure != Rebuild || len(found) > 0 {
			t.Fatalf("got %v %v, want a rebuild", procedure, found)
		}
		return
	}
	if procedure != Undecided || len(found) == 0 {
		t.Fatalf("got %v without an obstacle, want %q", procedure, want)
	}
	if !strings.Contains(found[0].Problem, want) || found[0].Hint == "" {
		t.Errorf("got %+v, want the problem %q and a hint", found[0], want)
	}
}

func TestPlanListsAllObstaclesOfTheSource(t *testing.T) {
	f := brokenStandby()
	f.Source.FreeSenders, f.Source.FreeSlots = 0, 0
	_, found := Plan(f)
	if len(found) != 2 {
		t.Fatalf("got %v, want both the senders and the slots", found)
	}
	err := &RefusedError{Node: 1, Obstacles: found}
	for _, part := range []string{"node 1 cannot be recovered", "WAL sender", "replication slot"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	if !strings.Contains(err.Hint(), "max_wal_senders") || !strings.Contains(err.Hint(), "max_replication_slots") {
		t.Errorf("hint %q lacks a parameter", err.Hint())
	}
}

func TestSpaceHintNamesLeftovers(t *testing.T) {
	f := brokenStandby()
	f.Target.Volume.free, f.Target.Leftovers = 0, []string{"/d/n1.old-1"}
	_, found := Plan(f)
	if len(found) != 1 || !strings.Contains(found[0].Hint, "/d/n1.old-1") {
		t.Errorf("got %v, want a hint that names the leftover", found)
	}
}
