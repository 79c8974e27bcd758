package recovery

import (
	"cmp"
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
	back, err := putBack(ctx, m, dir)
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

// putBack takes back a swap that came to no end: there is still an unfinished copy that
// was to take the data directory's place. What an earlier recovery has kept stays. It
// returns the name from which the data directory came back, which is the last to do so;
// "" when it was in its place. A swap whose data directory is the new one has only its former tablespaces linked.
func putBack(ctx context.Context, m host.Machine, dataDirectory string) (back string, err error) {
	copies, err1 := unfinished(m, dataDirectory)
	aside, err2 := siblings(m, dataDirectory, oldSuffix)
	aside = slices.DeleteFunc(aside, func(path string) bool { return asideNumber(dataDirectory, path) < 1 })
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	for _, path := range copies {
		name, err := putBackOne(ctx, workdir{machine: m, path: path}, dataDirectory, aside)
		if err != nil {
			return "", err
		}
		back = cmp.Or(back, name)
	}
	return back, nil
}

func putBackOne(ctx context.Context, w workdir, dataDirectory string, aside []string) (string, error) {
	j, err := w.read()
	if err != nil || !j.Swap {
		return "", err
	}
	unused, err1 := w.machine.Exists(w.path)
	there, err2 := w.machine.Exists(dataDirectory)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	name := j.swappedOut(aside)
	if !unused {
		return "", relinkOld(ctx, w.machine, name, j.Tablespaces)
	}
	if err := takeAllBack(w.machine, j.Tablespaces); err != nil || there {
		return "", err
	}
	if name == "" {
		return "", nil
	}
	return name, w.machine.Rename(name, dataDirectory)
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
		w := workdir{machine: m, path: path}
		there, err := m.Exists(path)
		if err != nil || !there {
			continue // it went away meanwhile
		}
		bytes, err := w.ownBytes()
		if err != nil {
			return 0, err
		}
		sum += bytes
	}
	return sum, err
}

// ownBytes is the size of an unfinished copy without its tablespaces, which may be on
// other file systems.
func (w workdir) ownBytes() (uint64, error) {
	sum, err1 := w.machine.DirSize(w.path)
	j, err2 := w.read()
	err := errors.Join(err1, err2)
	for _, mv := range j.Tablespaces {
		if bytes, sizeErr := w.machine.DirSize(mv.New); sizeErr == nil { // else there is none yet
			sum -= min(sum, bytes)
		}
	}
	return sum, err
}
