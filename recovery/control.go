package recovery

import (
	"context"
	"errors"
	"path/filepath"
)

// pg_rewind overwrites the control file in place. Ended in the middle of that it
// leaves one that cannot be read, and then nobody can tell whose directory it is: so
// a copy lies beside the marker.

func controlFile(dataDirectory string) string {
	return filepath.Join(dataDirectory, "global", "pg_control")
}

func controlCopy(dataDirectory string) string { return rewindMarker(dataDirectory) + ".pg_control" }

// beginRewind writes the copy, and then the marker.
func (r *repair) beginRewind() error {
	m, dir := r.instance.Machine(), r.node.DataDirectory
	control, err := m.ReadFile(controlFile(dir))
	if err != nil {
		return err
	}
	if err := m.WriteFile(controlCopy(dir), control, 0o600); err != nil {
		return err
	}
	text := "A rewind in progress, made by pgherd: the directory has to be rebuilt if none is running.\n"
	return m.WriteFile(rewindMarker(dir), []byte(text), 0o600)
}

// endRewind is for a directory that can be started.
func (r *repair) endRewind() error {
	m, dir := r.instance.Machine(), r.node.DataDirectory
	return errors.Join(m.RemoveAll(rewindMarker(dir)), m.RemoveAll(controlCopy(dir)))
}

// restoreControl puts the copy back where a rewind has left a control file that
// cannot be read.
func (r *repair) restoreControl(ctx context.Context) (restored bool, err error) {
	m, dir := r.instance.Machine(), r.node.DataDirectory
	there, err := m.Exists(controlCopy(dir))
	if err != nil || !there {
		return false, err
	}
	if _, err := r.instance.Control(ctx); err == nil || ctx.Err() != nil {
		return false, ctx.Err()
	}
	control, err := m.ReadFile(controlCopy(dir))
	if err != nil {
		return false, err
	}
	return true, m.WriteFile(controlFile(dir), control, 0o600)
}
