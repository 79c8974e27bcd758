package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// prepared is what a job begins with: everything was asked, nothing touched.
type prepared struct {
	node, source cluster.Node // source is the primary
	origin       cluster.Node // whose files are copied
	instance     Instance
	facts        Facts
	own          settings
	procedure    Procedure
}

// preflight gathers the facts in two looks, at the picture and then at the
// machines, and refuses when Plan finds an obstacle.
func (e *Engine) preflight(ctx context.Context, j *job) (prepared, error) {
	j.enter(StepPreflight, "")
	facts := e.picture(j.row.Node, j.how)
	if _, found := Plan(facts); len(found) > 0 {
		return prepared{}, &RefusedError{j.row.Node, found}
	}
	facts.Node.DataDirectory = filepath.Clean(facts.Node.DataDirectory)
	p := prepared{node: facts.Node.Node, source: facts.Primary.Node, origin: facts.Origin.Node, facts: facts}
	if err := e.look(ctx, &p); err != nil {
		return p, &lookError{p.node.ID, err}
	}
	procedure, found := Plan(p.facts)
	if len(found) > 0 {
		return p, &RefusedError{p.node.ID, found}
	}
	p.procedure = procedure
	if err := e.commit(j, p); err != nil {
		return p, err
	}
	j.say(p.announcement())
	return p, nil
}

// announcement says what is going to happen, and why.
func (p prepared) announcement() string {
	_, why := Diagnose(p.facts.Source, p.facts.Target)
	switch {
	case p.procedure == Follow:
		return fmt.Sprintf("node %d will follow node %d: %s", p.node.ID, p.source.ID, why)
	case p.procedure == Rewind:
		return fmt.Sprintf("node %d will be rewound to node %d: %s", p.node.ID, p.origin.ID, why) + p.placement()
	case p.facts.How.Procedure == Rebuild:
		why = "as asked"
	}
	return fmt.Sprintf("node %d will be rebuilt from node %d (%s): %s", p.node.ID, p.origin.ID, size(p.facts.Copied.Bytes), why) + p.placement()
}

// placement says where tablespaces go that the procedure brings to the node.
func (p prepared) placement() string {
	switch p.procedure {
	case Rebuild:
		return describePlaces(p.facts.Target.Places)
	case Rewind:
		return describePlaces(unlinked(p.facts.Target.Places))
	}
	return ""
}

// picture is what the board knows.
func (e *Engine) picture(asked cluster.NodeID, how Options) Facts {
	s := e.board.Current()
	f := Facts{Asked: asked, How: how, Nodes: len(s.Nodes)}
	f.Primary.ID = cluster.NoNode
	if asked >= 0 && int(asked) < len(s.Nodes) {
		f.Node = s.Nodes[asked]
	}
	if s.Primary != cluster.NoNode {
		f.Primary = s.Nodes[s.Primary]
	}
	f.Origin = origin(s, f.Primary, how.Source)
	f.Copiers, f.Neighbours = e.copiers(asked), neighbours(s, f.Node.Node)
	return f
}

// look asks the node's machine and then the primary: what a standby has received by
// now, the primary has too.
func (e *Engine) look(ctx context.Context, p *prepared) (err error) {
	if p.instance, err = e.instances(p.node.ID); err != nil {
		return fmt.Errorf("node %d: %w", p.node.ID, err)
	}
	p.own = ownSettings(p.instance.Machine(), p.node.DataDirectory)
	p.facts.Target, err = inspect(ctx, p.instance, p.node.DataDirectory)
	if err != nil {
		return fmt.Errorf("node %d: %w", p.node.ID, err)
	}
	p.facts.Target.HasConfig = len(p.own) > 0
	p.facts.Target.Archive = readArchive(ctx, p.instance.Machine(), e.cfg.ArchiveDir)
	if p.facts.Source, err = e.askSource(ctx, p.source, p.node); err != nil {
		return err
	}
	if err := e.askFiles(ctx, p); err != nil {
		return err
	}
	if err := e.askOrigin(ctx, p); err != nil {
		return err
	}
	return e.askPlaces(ctx, p)
}

// inspect looks at a data directory and the room beside it.
func inspect(ctx context.Context, i Instance, dir string) (*Target, error) {
	m := i.Machine()
	beside, err := volumeOf(ctx, m, filepath.Dir(dir))
	if err != nil {
		return nil, fmt.Errorf("free space: %w", err)
	}
	more, err := unfinishedBytes(m, dir)
	if err != nil {
		return nil, fmt.Errorf("unfinished copies: %w", err)
	}
	beside.free = min(beside.free+int64(more), 1<<62)
	t := &Target{Volume: beside}
	if t.Leftovers, err = siblings(m, dir, oldSuffix); err != nil {
		return nil, err
	}
	t.MountPoint = isMountPoint(ctx, m, dir)
	if t.Directory, err = classify(m, dir); err != nil || t.Directory != DirDamaged {
		return t, err
	}
	t.Major = majorVersion(m, dir)
	if c, err := i.Control(ctx); err == nil {
		t.Directory, t.SystemIdentifier = DirReadable, c.SystemIdentifier
		if err := inspectLog(ctx, i, dir, t); err != nil {
			return t, err
		}
	}
	return t, ctx.Err()
}

// classify tells a data directory by what initdb always makes. Whether its
// control file is readable is found out later: until then it is DirDamaged.
func classify(m host.Machine, dir string) (Directory, error) {
	if link, err := isLink(m, dir); link || err != nil {
		return DirLink, err
	}
	entries, err := m.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return DirMissing, nil
	}
	if err != nil {
		return DirOther, err
	}
	for _, e := range entries {
		switch e.Name() {
		case "PG_VERSION", "global", "base", "pg_wal":
			return DirDamaged, nil
		}
	}
	return DirOther, nil
}

func isLink(m host.Machine, path string) (bool, error) {
	entries, err := m.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	at := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name() == filepath.Base(path) })
	return at >= 0 && entries[at].Type()&fs.ModeSymlink != 0, err
}

// isMountPoint asks a program of util-linux; where there is none, the swap will tell.
func isMountPoint(ctx context.Context, m host.Machine, path string) bool {
	_, err := m.Run(ctx, host.Command{Path: "mountpoint", Args: []string{"-q", path}})
	return err == nil
}

// majorVersion reads PG_VERSION; 0 when it cannot be read.
func majorVersion(m host.Machine, dir string) int {
	text, err := m.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return 0
	}
	return n
}

// newRepair is the job for what was prepared.
func newRepair(e *Engine, j *job, p prepared) *repair {
	return &repair{
		prepared: p, engine: e, job: j,
		work: newWorkdir(p.instance.Machine(), p.node.DataDirectory, time.Now()),
	}
}
