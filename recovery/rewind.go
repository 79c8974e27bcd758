package recovery

import (
	"context"
	"path/filepath"

	"github.com/pgherd/pgherd/internal/host"
)

// rewindOrRebuild rewinds. If that fails and nobody asked for it, the node is rebuilt,
// which needs nothing of the directory.
func (r *repair) rewindOrRebuild(ctx context.Context) *StepError {
	err := r.attempt(ctx, stage{StepRewind, r.rewind})
	if err == nil {
		return nil
	}
	restoring, cancel := outlive(ctx)
	defer cancel()
	if _, err := r.restoreControl(restoring); err != nil {
		r.warn("the control file could not be restored after the rewind: " + err.Error())
	}
	if ctx.Err() != nil || !r.mayRebuild() {
		return r.fail(ctx, StepRewind, err)
	}
	r.rebuildInstead(err.Error())
	return nil
}

// rewind takes back what the node alone has. Until a checkpoint has ended, the source's
// control file may still tell the old timeline, and pg_rewind would find nothing to do.
func (r *repair) rewind(ctx context.Context) error {
	if err := r.checkpoint(ctx); err != nil {
		return err
	}
	m, dir := r.instance.Machine(), r.node.DataDirectory
	if err := r.beginRewind(); err != nil {
		return err
	}
	r.phase = rewinding
	if err := r.provideTablespaces(ctx); err != nil {
		return err
	}
	restore, err := r.lendArchive()
	if err != nil {
		return err
	}
	err = r.instance.Rewind(ctx, host.Rewind{Source: r.origin, Credentials: r.engine.cfg.Monitor, Restore: restore, Progress: r.job.advance})
	if err != nil {
		return err
	}
	// Whoever starts it from now on must not get a second primary.
	if err := m.WriteFile(filepath.Join(dir, "standby.signal"), nil, 0o600); err != nil {
		return err
	}
	if err := r.own.write(m, dir); err != nil {
		return err
	}
	r.phase = rewound
	r.tellOrphans()
	return r.dropOwnSlots()
}

// dropOwnSlots removes the slots that the node had as a primary: nobody will read from
// them, so that they would hold back the log for ever, or point into one that is gone.
func (r *repair) dropOwnSlots() error {
	m, dir := r.instance.Machine(), filepath.Join(r.node.DataDirectory, "pg_replslot")
	entries, err := m.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := m.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
