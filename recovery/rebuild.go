package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pgherd/pgherd/internal/host"
)

// backup copies the origin and has the copy compared with its manifest.
func (r *repair) backup(ctx context.Context) error {
	places := r.facts.Target.Places
	r.work.tablespaces = moves(places, strings.TrimPrefix(r.work.path, r.node.DataDirectory))
	if err := r.work.claim(); err != nil {
		return err
	}
	r.undo = append(r.undo, func(context.Context) error { return r.work.remove() })
	return r.whileTelling(ctx, func(ctx context.Context) error {
		return r.instance.BaseBackup(ctx, host.BaseBackup{
			Source: r.origin, Credentials: r.engine.cfg.Monitor, ApplicationName: r.node.Name,
			Target: r.work.path, Tablespaces: mapping(places, r.work.tablespaces), Slot: r.slotOnOrigin(), MaxRate: cmp.Or(r.facts.How.MaxRate, r.engine.cfg.MaxRate),
			Progress: r.job.advance,
		})
	})
}

// swap is the point of no return. The new directory has its standby.signal
// before: were it started by somebody after a crash of ours, it must not come
// up as a second primary.
func (r *repair) swap(ctx context.Context) (err error) {
	m := r.instance.Machine()
	if err := r.own.write(m, r.work.path); err != nil {
		return err
	}
	if err := m.WriteFile(filepath.Join(r.work.path, "standby.signal"), nil, 0o600); err != nil {
		return err
	}
	if err := relink(ctx, m, r.work.path, r.work.tablespaces); err != nil {
		return err
	}
	aside, err := siblings(m, r.node.DataDirectory, oldSuffix)
	if err != nil {
		return err
	}
	if err := r.work.beginSwap(aside); err != nil {
		return err
	}
	if r.old, err = r.instance.Swap(r.work.path, r.exchangeTablespaces); err != nil {
		return r.backOut(err)
	}
	r.phase, r.undo = swapped, nil
	if err := relinkOld(ctx, m, r.old, r.work.tablespaces); err != nil {
		return err
	}
	return r.work.release()
}

// exchangeTablespaces does their renames, or none. Where those of a failure cannot be
// taken back, the marker stays: the next recovery needs it.
func (r *repair) exchangeTablespaces() error {
	m := r.instance.Machine()
	for _, mv := range r.work.tablespaces {
		if err := mv.do(m); err != nil {
			return r.backOut(err)
		}
	}
	return nil
}

func (r *repair) backOut(cause error) error {
	err := takeAllBack(r.instance.Machine(), r.work.tablespaces)
	if err != nil {
		r.undo = nil
	}
	return errors.Join(cause, err)
}

// cleanup removes the former directory, unless it is to be kept or could not
// be told from another cluster's. The recovery is done: trouble is a warning.
func (r *repair) cleanup(ctx context.Context) error {
	keep := r.engine.cfg.KeepOld || r.facts.How.KeepOld
	r.cleanTablespaces(ctx, keep || r.facts.Target.Directory != DirReadable)
	switch {
	case r.old == "":
	case keep:
		r.job.say("the former data directory is kept as " + r.old)
	case r.facts.Target.Directory == DirMissing && removeEmpty(ctx, r.instance.Machine(), r.old):
	case r.facts.Target.Directory != DirReadable:
		r.warn("the former data directory could not be identified and is kept as " + r.old)
	default:
		if err := r.instance.Machine().RemoveAll(r.old); err != nil {
			r.warn(fmt.Sprintf("the former data directory %s could not be removed: %v", r.old, err))
		}
		r.tellOrphans()
	}
	if left := r.facts.Target.Leftovers; len(left) > 0 {
		r.job.say("directories of earlier recoveries are still there: " + strings.Join(left, ", "))
	}
	return nil
}

// removeEmpty removes a former directory if it is as empty as when it was looked at.
func removeEmpty(ctx context.Context, m host.Machine, path string) bool {
	_, err := m.Run(ctx, host.Command{Path: "rmdir", Args: []string{"--", path}})
	return err == nil
}
