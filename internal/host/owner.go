package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the operating system account that commands run as.
type owner struct {
	uid, gid   uint32
	groups     []uint32
	name, home string
}

// ownerOf finds the owner of path, or of its nearest existing parent.
func ownerOf(path string) (owner, error) {
	if !filepath.IsAbs(path) {
		return owner{}, fmt.Errorf("data_directory %q must be an absolute path", path)
	}
	for {
		info, err := os.Stat(path)
		if err == nil {
			return lookupOwner(info.Sys().(*syscall.Stat_t).Uid)
		}
		if !errors.Is(err, fs.ErrNotExist) || path == "/" {
			return owner{}, fmt.Errorf("data_directory: %w", err)
		}
		path = filepath.Dir(path)
	}
}

// lookupOwner completes a uid. An account without a passwd entry, as in some
// containers, gets its own number as the group and / as the home.
func lookupOwner(uid uint32) (owner, error) {
	id := strconv.FormatUint(uint64(uid), 10)
	u, err := user.LookupId(id)
	if errors.As(err, new(user.UnknownUserIdError)) {
		return owner{uid: uid, gid: uid, name: id, home: "/"}, nil
	}
	if err != nil {
		return owner{}, fmt.Errorf("user %s: %w", id, err)
	}
	return newOwner(u)
}

func newOwner(u *user.User) (owner, error) {
	groups, err := u.GroupIds()
	if err != nil {
		return owner{}, fmt.Errorf("groups of user %s: %w", u.Username, err)
	}
	ids, err := numbers(append([]string{u.Uid, u.Gid}, groups...))
	if err != nil {
		return owner{}, fmt.Errorf("user %s: %w", u.Username, err)
	}
	return owner{uid: ids[0], gid: ids[1], groups: ids[2:], name: u.Username, home: u.HomeDir}, nil
}

func numbers(texts []string) ([]uint32, error) {
	ids := make([]uint32, len(texts))
	for i, s := range texts {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, err
		}
		ids[i] = uint32(n)
	}
	return ids, nil
}
