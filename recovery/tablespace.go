package recovery

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// Tablespace is one outside the data directory of the node that tells of it. One that is
// inside, in place (allow_in_place_tablespaces), is copied like everything else there.
type Tablespace struct {
	OID      uint32
	Name     string
	Location string // of pg_tablespace_location
	Bytes    int64  // 0 when the role may not know
}

// Occupant says whose files a directory holds.
type Occupant int

const (
	Vacant     Occupant = iota // nobody's: it is missing or empty
	OwnFiles                   // the node's: its data directory links there
	OtherFiles                 // perhaps another server's
)

// Place is where a tablespace of the origin is to be on the node.
type Place struct {
	Tablespace
	Path       string
	Linked     string // where the node's data directory has this tablespace; "" for nowhere
	Occupant   Occupant
	Link       bool // Path is a symbolic link, which a rename would lose
	MountPoint bool // it is one, which cannot be renamed
	Volume     volume
	Leftovers  []string
}

// volume is the file system of a directory, which may be missing still.
type volume struct {
	device string // "" when it could not be told
	free   int64  // bytes
}

const tablespaces = `
SELECT oid, spcname::text, pg_tablespace_location(oid),
       CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') OR has_tablespace_privilege(oid, 'CREATE')
            THEN pg_tablespace_size(oid) ELSE 0 END
  FROM pg_tablespace WHERE pg_tablespace_location(oid) LIKE '/%' ORDER BY spcname`

func askTablespaces(ctx context.Context, conn *pgx.Conn) ([]Tablespace, error) {
	rows, err := conn.Query(ctx, tablespaces)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Tablespace])
}

// askPlaces finds out where the origin's tablespaces are to be: where the configuration
// says, or where the node has them, or else at the origin's own path.
func (e *Engine) askPlaces(ctx context.Context, p *prepared) error {
	t, m := p.facts.Target, p.instance.Machine()
	links, err := tablespaceLinks(ctx, m, p.node.DataDirectory)
	if err == nil {
		err = addUnfinished(m, p.node.DataDirectory, links)
	}
	if err != nil {
		return fmt.Errorf("node %d: tablespaces: %w", p.node.ID, err)
	}
	for _, s := range p.facts.Copied.Tablespaces {
		place, err := inspectPlace(ctx, m, e.placeOf(p.node.ID, s, links), links)
		if err != nil {
			return fmt.Errorf("node %d: tablespace %s: %w", p.node.ID, s.Name, err)
		}
		t.Places = append(t.Places, place)
	}
	t.Links = links
	return nil
}

func (e *Engine) placeOf(node cluster.NodeID, s Tablespace, links map[uint32]string) Place {
	place := Place{Tablespace: s, Path: s.Location, Linked: links[s.OID]}
	if place.Linked != "" {
		place.Path = place.Linked
	}
	if e.cfg.TablespaceMapping != nil {
		if to, ok := e.cfg.TablespaceMapping(node)[s.Location]; ok {
			place.Path = filepath.Clean(to)
		}
	}
	return place
}

// tablespaceLinks are the links of a data directory's pg_tblspc, by the tablespace's OID.
func tablespaceLinks(ctx context.Context, m host.Machine, dataDirectory string) (map[uint32]string, error) {
	links := map[uint32]string{}
	dir := filepath.Join(dataDirectory, "pg_tblspc")
	if there, err := m.Exists(dir); err != nil || !there {
		return links, err
	}
	out, err := m.Run(ctx, host.Command{Path: "find", Args: []string{dir, "-mindepth", "1", "-maxdepth", "1", "-type", "l", "-printf", `%f %l\0`}})
	for item := range strings.SplitSeq(string(out), "\x00") {
		name, to, _ := strings.Cut(item, " ")
		if oid, err := strconv.ParseUint(name, 10, 32); err == nil {
			links[uint32(oid)] = filepath.Clean(to)
		}
	}
	return links, err
}

// addUnfinished adds those of a data directory that an unfinished swap has set aside.
func addUnfinished(m host.Machine, dataDirectory string, links map[uint32]string) error {
	copies, err := unfinished(m, dataDirectory)
	for _, path := range copies {
		j, err := workdir{machine: m, path: path}.read()
		if err != nil {
			return err
		}
		for _, mv := range j.Tablespaces {
			if links[mv.OID] == "" && j.Swap {
				links[mv.OID] = mv.Here
			}
		}
	}
	return err
}

// inspectPlace looks at the directory and the room for another beside it.
func inspectPlace(ctx context.Context, m host.Machine, p Place, links map[uint32]string) (_ Place, err error) {
	if p.Occupant, err = occupant(m, p.Path, links); err != nil {
		return p, err
	}
	if p.Link, err = isLink(m, p.Path); err != nil {
		return p, err
	}
	if p.Leftovers, err = siblings(m, p.Path, oldSuffix); err != nil {
		return p, err
	}
	p.MountPoint = isMountPoint(ctx, m, p.Path)
	p.Volume, err = volumeOf(ctx, m, filepath.Dir(p.Path))
	return p, err
}

func occupant(m host.Machine, path string, links map[uint32]string) (Occupant, error) {
	var entries []fs.DirEntry
	there, err := m.Exists(path)
	if err == nil && there {
		entries, err = m.ReadDir(path)
	}
	if len(entries) == 0 {
		return Vacant, err
	}
	for _, to := range links {
		if to == path {
			return OwnFiles, err
		}
	}
	return OtherFiles, err
}

func volumeOf(ctx context.Context, m host.Machine, path string) (volume, error) {
	const script = `at=$1
while [ ! -e "$at" ] && [ "$at" != / ]; do at=$(dirname -- "$at"); done
exec stat -c %d -- "$at"`
	free, err := m.Free(path)
	v := volume{free: int64(min(free, 1<<62))}
	if out, err := m.Run(ctx, host.Command{Path: "sh", Args: []string{"-c", script, "pgherd", path}}); err == nil {
		v.device = strings.TrimSpace(string(out))
	}
	return v, err
}

// link has the data directory dir have the tablespace at path.
func link(ctx context.Context, m host.Machine, dir string, oid uint32, path string) error {
	name := filepath.Join(dir, "pg_tblspc", strconv.FormatUint(uint64(oid), 10))
	_, err := m.Run(ctx, host.Command{Path: "sh", Args: []string{"-c", `ln -sfn -- "$1" "$2" && sync -- "$(dirname -- "$2")"`, "pgherd", path, name}})
	return err
}
