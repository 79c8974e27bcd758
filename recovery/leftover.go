package recovery

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/host"
)

// tidy puts right what is left of a recovery in which pgherd itself was killed. A
// directory that a swap had set aside goes back to its place, a control file that a
// rewind had half written is the former one again; and the directory is looked at.
func (r *repair) tidy(ctx context.Context) error {
	m, dir := r.instance.Machine(), r.node.DataDirectory
	back, err := putBack(m, dir)
	if err != nil {
		return err
	}
	removed, err := sweep(m, dir)
	if err != nil {
		return err
	}
	if len(removed) > 0 {
		r.job.say("removed leftovers of an unfinished recovery: " + strings.Join(removed, ", "))
	}
	if back != "" {
		r.job.say("put back " + back + ", which an unfinished recovery had set aside")
	}
	restored, err := r.restoreControl(ctx)
	if err != nil || back == "" && !restored {
		return err
	}
	return r.decideAnew(ctx)
}

// putBack renames what a swap has set aside if it came no further: there is no data
// directory, and an unfinished copy that was to take its place. What an earlier recovery
// has kept stays. It returns the name from which the directory came back.
func putBack(m host.Machine, dataDirectory string) (string, error) {
	there, err := m.Exists(dataDirectory)
	if err != nil || there {
		return "", err
	}
	copies, err1 := unfinished(m, dataDirectory)
	aside, err2 := siblings(m, dataDirectory, oldSuffix)
	aside = slices.DeleteFunc(aside, func(path string) bool { return asideNumber(dataDirectory, path) < 1 })
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	for _, path := range copies {
		name, err := workdir{m, path}.swappedOut(aside)
		if err != nil {
			return "", err
		}
		if name != "" {
			return name, m.Rename(name, dataDirectory)
		}
	}
	return "", nil
}

// asideNumber is n of <data directory>.old-<n>; 0 for a name that Swap does not give.
func asideNumber(dataDirectory, path string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(path, dataDirectory+oldSuffix))
	if err != nil {
		return 0
	}
	return n
}

// unfinished lists the copies that carry a marker: those that sweep removes.
func unfinished(m host.Machine, dataDirectory string) (paths []string, err error) {
	names, err := siblings(m, dataDirectory, newSuffix)
	for _, name := range names {
		if path, marked := strings.CutSuffix(name, markerSuffix); marked {
			paths = append(paths, path)
		}
	}
	return paths, err
}

// unfinishedBytes is the room that sweep will make.
func unfinishedBytes(m host.Machine, dataDirectory string) (sum uint64, err error) {
	paths, err := unfinished(m, dataDirectory)
	for _, path := range paths {
		there, err := m.Exists(path)
		if err != nil || !there {
			continue // it went away meanwhile
		}
		bytes, err := m.DirSize(path)
		if err != nil {
			return 0, err
		}
		sum += bytes
	}
	return sum, err
}
