package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/host"
)

// move is a tablespace's part of a swap: what was at Here is renamed to Old, and New to
// Here. That is done while no data directory is in its place, and the new one comes there
// last: until then the swap can be taken back, and from then on it is done.
type move struct {
	OID  uint32 `json:"oid"`
	New  string `json:"new"`
	Here string `json:"here"`
	Old  string `json:"old"` // "" when there is nothing at Here
}

// moves are those of a copy whose new directories end as that of the data directory does.
func moves(places []Place, stamp string) (list []move) {
	for _, p := range places {
		list = append(list, move{OID: p.OID, New: p.Path + stamp, Here: p.Path})
	}
	return list
}

// mapping is what pg_basebackup is told.
func mapping(places []Place, list []move) (all []host.TablespaceMapping) {
	for i, p := range places {
		all = append(all, host.TablespaceMapping{Old: p.Location, New: list[i].New})
	}
	return all
}

// free gives mv the first name that is free for what it sets aside.
func (mv *move) free(m host.Machine) error {
	mv.Old = ""
	if there, err := m.Exists(mv.Here); err != nil || !there {
		return err
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s%s%d", mv.Here, oldSuffix, n)
		if taken, err := m.Exists(name); err != nil || !taken {
			mv.Old = name
			return err
		}
	}
}

func (mv move) do(m host.Machine) error {
	if mv.Old != "" {
		if err := m.Rename(mv.Here, mv.Old); err != nil {
			return err
		}
	}
	return m.Rename(mv.New, mv.Here)
}

// takeBack undoes as much of it as was done; it may be done again.
func (mv move) takeBack(m host.Machine) error {
	if err := renameUnless(m, mv.Here, mv.New); err != nil || mv.Old == "" {
		return err
	}
	return renameUnless(m, mv.Old, mv.Here)
}

// renameUnless does nothing where there is something at to, or nothing at from.
func renameUnless(m host.Machine, from, to string) error {
	taken, err1 := m.Exists(to)
	there, err2 := m.Exists(from)
	if err := errors.Join(err1, err2); err != nil || taken || !there {
		return err
	}
	return m.Rename(from, to)
}

func takeAllBack(m host.Machine, list []move) error {
	for _, mv := range slices.Backward(list) {
		if err := mv.takeBack(m); err != nil {
			return fmt.Errorf("putting tablespaces back: %w", err)
		}
	}
	return nil
}

// relink has the new data directory find its tablespaces where they will be.
func relink(ctx context.Context, m host.Machine, dir string, list []move) error {
	for _, mv := range list {
		if err := link(ctx, m, dir, mv.OID, mv.Here); err != nil {
			return fmt.Errorf("tablespace %d: %w", mv.OID, err)
		}
	}
	return nil
}

// relinkOld has the former data directory find its own where they are now. It may have
// had others there than the new one has.
func relinkOld(ctx context.Context, m host.Machine, dir string, list []move) error {
	if dir == "" {
		return nil // there was none
	}
	links, err := tablespaceLinks(ctx, m, dir)
	if err != nil {
		return err
	}
	for oid, to := range links {
		for _, mv := range list {
			if mv.Here == to && mv.Old != "" {
				err = errors.Join(err, link(ctx, m, dir, oid, mv.Old))
			}
		}
	}
	return err
}

// cleanTablespaces removes what the swap has set aside with a data directory that is
// removed, and what was vacant. Anything else is kept.
func (r *repair) cleanTablespaces(ctx context.Context, keep bool) {
	m := r.instance.Machine()
	var kept []string
	for i, mv := range r.work.tablespaces {
		var err error
		switch occupant := r.facts.Target.Places[i].Occupant; {
		case mv.Old == "":
		case occupant == Vacant && removeEmpty(ctx, m, mv.Old):
		case occupant == OwnFiles && !keep:
			err = m.RemoveAll(mv.Old)
		default:
			kept = append(kept, mv.Old)
		}
		if err != nil {
			r.warn(fmt.Sprintf("the former tablespace %s could not be removed: %v", mv.Old, err))
		}
	}
	if len(kept) > 0 {
		r.job.say("former directories of tablespaces are kept as " + strings.Join(kept, ", "))
	}
}

// tellOrphans names what the node's data directory does not link to any more.
func (r *repair) tellOrphans() {
	if left := orphans(r.facts.Target, r.procedure); len(left) > 0 {
		r.warn("tablespaces that node " + strconv.Itoa(int(r.node.ID)) + " has no longer are still there, and may be removed: " + strings.Join(left, ", "))
	}
}

// provideTablespaces makes a place for what was created since the node left the
// origin's log: pg_rewind would take the path that it has there.
func (r *repair) provideTablespaces(ctx context.Context) error {
	m := r.instance.Machine()
	for _, p := range unlinked(r.facts.Target.Places) {
		if p.Occupant != Vacant {
			return fmt.Errorf("tablespace %s: %s is not empty", p.Name, p.Path)
		}
		if err := m.MkdirAll(p.Path, 0o700); err != nil {
			return fmt.Errorf("tablespace %s: %w", p.Name, err)
		}
		if err := link(ctx, m, r.node.DataDirectory, p.OID, p.Path); err != nil {
			return fmt.Errorf("tablespace %s: %w", p.Name, err)
		}
	}
	return nil
}
