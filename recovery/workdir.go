package recovery

import (
	"encoding/json"
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
	machine     host.Machine
	path        string
	tablespaces []move
}

// journal is what a marker says, as JSON.
type journal struct {
	About       string   `json:"about"`
	Swap        bool     `json:"swap"`  // it has begun
	Aside       []string `json:"aside"` // directories that earlier recoveries had set aside before it
	Tablespaces []move   `json:"tablespaces,omitempty"`
}

const (
	newSuffix    = ".new-"
	oldSuffix    = ".old-"
	markerSuffix = ".pgherd"
)

func newWorkdir(m host.Machine, dataDirectory string, now time.Time) workdir {
	return workdir{machine: m, path: dataDirectory + newSuffix + now.UTC().Format("20060102T150405.000")}
}

func (w workdir) marker() string { return w.path + markerSuffix }

// claim writes the marker; the directories themselves come with the copy.
func (w workdir) claim() error {
	return w.write(journal{
		About: "A base backup in progress, made by pgherd. This and what it names as new may be removed when no recovery is running."})
}

func (w workdir) write(j journal) error {
	j.Tablespaces = w.tablespaces
	text, err := json.MarshalIndent(j, "", "  ")
	if err == nil {
		err = w.machine.WriteFile(w.marker(), append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("marker of the new directory: %w", err)
	}
	return nil
}

// read is the marker's journal. What is not one is the marker of a copy.
func (w workdir) read() (j journal, err error) {
	text, err := w.machine.ReadFile(w.marker())
	if err != nil {
		return j, err
	}
	if json.Unmarshal(text, &j) != nil {
		return journal{}, nil
	}
	j.Tablespaces = slices.DeleteFunc(j.Tablespaces, func(mv move) bool { return !strings.HasPrefix(mv.New, mv.Here+newSuffix) })
	return j, nil
}

// beginSwap is to be called before the directories change their names. aside are those
// that have been set aside already.
func (w workdir) beginSwap(aside []string) error {
	for i := range w.tablespaces {
		if err := w.tablespaces[i].free(w.machine); err != nil {
			return err
		}
	}
	return w.write(journal{About: "A swap in progress, made by pgherd.", Swap: true, Aside: aside})
}

// swappedOut is which of the directories that are aside now the swap has put there; ""
// for none.
func (j journal) swappedOut(aside []string) string {
	if !j.Swap {
		return ""
	}
	for _, path := range aside {
		if !slices.Contains(j.Aside, path) {
			return path
		}
	}
	return ""
}

// release forgets a directory that has been swapped in.
func (w workdir) release() error { return w.machine.RemoveAll(w.marker()) }

// remove deletes the directories, then their marker: a crash in between leaves a
// marker to find.
func (w workdir) remove() error {
	err := w.machine.RemoveAll(w.path)
	for _, mv := range w.tablespaces {
		err = errors.Join(err, w.machine.RemoveAll(mv.New))
	}
	if err != nil {
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
		w := workdir{machine: m, path: path}
		j, err := w.read()
		if err == nil {
			w.tablespaces = j.Tablespaces
			err = w.remove()
		}
		failed = append(failed, err)
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
