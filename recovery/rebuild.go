package recovery

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pgherd/pgherd/internal/host"
)

// backup copies the origin and has the copy compared with its manifest.
func (r *repair) backup(ctx context.Context) error {
	if err := r.work.claim(); err != nil {
		return err
	}
	r.undo = append(r.undo, func(context.Context) error { return r.work.remove() })
	return r.whileTelling(ctx, func(ctx context.Context) error {
		return r.instance.BaseBackup(ctx, host.BaseBackup{
			Source: r.origin, Credentials: r.engine.cfg.Monitor, ApplicationName: r.node.Name,
			Target: r.work.path, Slot: r.slotOnOrigin(), MaxRate: cmp.Or(r.facts.How.MaxRate, r.engine.cfg.MaxRate),
			Progress: r.job.advance,
		})
	})
}

// swap is the point of no return. The new directory has its standby.signal
// before: were it started by somebody after a crash of ours, it must not come
// up as a second primary.
func (r *repair) swap(context.Context) (err error) {
	m := r.instance.Machine()
	if err := r.own.write(m, r.work.path); err != nil {
		return err
	}
	if err := m.WriteFile(filepath.Join(r.work.path, "standby.signal"), nil, 0o600); err != nil {
		return err
	}
	aside, err := siblings(m, r.node.DataDirectory, oldSuffix)
	if err != nil {
		return err
	}
	if err := r.work.beginSwap(aside); err != nil {
		return err
	}
	if r.old, err = r.instance.Swap(r.work.path); err != nil {
		return err
	}
	r.phase, r.undo = swapped, nil
	return r.work.release()
}

// cleanup removes the former directory, unless it is to be kept or could not
// be told from another cluster's. The recovery is done: trouble is a warning.
func (r *repair) cleanup(ctx context.Context) error {
	switch {
	case r.old == "":
	case r.engine.cfg.KeepOld || r.facts.How.KeepOld:
		r.job.say("the former data directory is kept as " + r.old)
	case r.facts.Target.Directory == DirMissing && r.removeEmpty(ctx):
	case r.facts.Target.Directory != DirReadable:
		r.warn("the former data directory could not be identified and is kept as " + r.old)
	default:
		if err := r.instance.Machine().RemoveAll(r.old); err != nil {
			r.warn(fmt.Sprintf("the former data directory %s could not be removed: %v", r.old, err))
		}
	}
	if left := r.facts.Target.Leftovers; len(left) > 0 {
		r.job.say("directories of earlier recoveries are still there: " + strings.Join(left, ", "))
	}
	return nil
}

// removeEmpty removes the former directory if it is as empty as when it was looked at.
func (r *repair) removeEmpty(ctx context.Context) bool {
	_, err := r.instance.Machine().Run(ctx, host.Command{Path: "rmdir", Args: []string{"--", r.old}})
	return err == nil
}
