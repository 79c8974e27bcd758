package host

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Swap puts newDir, a sibling, in the place of the data directory of a stopped
// node. oldDir is <data directory>.old-<n>, where the former one is kept; ""
// when there was none. While neither is in the place, so that nobody can start the
// server, between is called; nil is fine. On an error both are where they were, and what
// between has done is its own business.
func (i *Instance) Swap(newDir string, between func() error) (oldDir string, err error) {
	here := i.node.DataDirectory
	if filepath.Dir(filepath.Clean(newDir)) != filepath.Dir(here) {
		return "", i.fail("swap", fmt.Errorf("%s is not beside %s: a rename cannot bring it there", newDir, here))
	}
	if running, err := i.Running(); err != nil {
		return "", err
	} else if running {
		return "", i.fail("swap", errors.New("the server runs: stop it first"))
	}
	if oldDir, err = i.setAside(); err != nil {
		return "", i.fail("swap", err)
	}
	if between != nil {
		err = between()
	}
	if err == nil {
		err = i.machine.Rename(newDir, here)
	}
	if err == nil {
		return oldDir, nil
	}
	if oldDir != "" {
		err = errors.Join(err, i.machine.Rename(oldDir, here))
	}
	return "", i.fail("swap", err)
}

// setAside renames the data directory to the first free name.
func (i *Instance) setAside() (string, error) {
	here := i.node.DataDirectory
	if exists, err := i.machine.Exists(here); err != nil || !exists {
		return "", err
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.old-%d", here, n)
		taken, err := i.machine.Exists(name)
		if err != nil {
			return "", err
		}
		if !taken {
			return name, i.machine.Rename(here, name)
		}
	}
}
