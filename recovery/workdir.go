package recovery

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/host"
)

// workdir is where a job builds the new data directory: a sibling of the old
// one, so that a rename swaps them. Its marker, a file beside it, is written
// first: a directory without one was not made by pgherd and is never removed.
// (It cannot be inside, since pg_basebackup wants an empty directory.)
type workdir struct {
	machine host.Machine
	path    string
}

const (
	newSuffix    = ".new-"
	oldSuffix    = ".old-"
	markerSuffix = ".pgherd"
)

func newWorkdir(m host.Machine, dataDirectory string, now time.Time) workdir {
	return workdir{m, dataDirectory + newSuffix + now.UTC().Format("20060102T150405.000")}
}

func (w workdir) marker() string { return w.path + markerSuffix }

// claim writes the marker; the directory itself comes with the copy.
func (w workdir) claim() error {
	text := "A base backup in progress, made by pgherd. Both may be removed when no recovery is running.\n"
	if err := w.machine.WriteFile(w.marker(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("marker of the new directory: %w", err)
	}
	return nil
}

// swapBegun is the first line of a marker from the beginning of the swap on. The others
// are the directories that earlier recoveries had set aside.
const swapBegun = "A swap in progress, made by pgherd. These were there before it:"

// beginSwap is to be called before the directories change their names.
func (w workdir) beginSwap(aside []string) error {
	text := strings.Join(append([]string{swapBegun}, aside...), "\n") + "\n"
	return w.machine.WriteFile(w.marker(), []byte(text), 0o600)
}

// swappedOut is which of the directories that are aside now the swap has put there; ""
// for none.
func (w workdir) swappedOut(aside []string) (string, error) {
	text, err := w.machine.ReadFile(w.marker())
	before := strings.Split(string(text), "\n")
	if err != nil || before[0] != swapBegun {
		return "", err
	}
	for _, path := range aside {
		if !slices.Contains(before, path) {
			return path, nil
		}
	}
	return "", nil
}

// release forgets a directory that has been swapped in.
func (w workdir) release() error { return w.machine.RemoveAll(w.marker()) }

// remove deletes the directory, then its marker: a crash in between leaves a
// marker to find.
func (w workdir) remove() error {
	if err := w.machine.RemoveAll(w.path); err != nil {
		return fmt.Errorf("remove the unfinished copy: %w", err)
	}
	return w.release()
}

// sweep removes what crashed jobs left beside dataDirectory, and only what
// carries a marker.
func sweep(m host.Machine, dataDirectory string) (removed []string, err error) {
	paths, err := unfinished(m, dataDirectory)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, path := range paths {
		failed = append(failed, workdir{m, path}.remove())
		removed = append(removed, path)
	}
	return removed, errors.Join(failed...)
}

// siblings lists the paths that begin with dataDirectory and suffix.
func siblings(m host.Machine, dataDirectory, suffix string) ([]string, error) {
	parent := filepath.Dir(dataDirectory)
	exists, err := m.Exists(parent)
	if err != nil || !exists {
		return nil, err
	}
	entries, err := m.ReadDir(parent)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(dataDirectory)+suffix) {
			paths = append(paths, filepath.Join(parent, e.Name()))
		}
	}
	return paths, nil
}
