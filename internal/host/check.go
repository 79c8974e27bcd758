package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Readiness is what Check has found.
type Readiness struct {
	User     string // whom commands run as
	Programs string // the directory of PostgreSQL's programs
	Missing  bool   // there is no data directory: a rebuild would make it
}

// programs are those that recovery and failover run.
func programs() []string {
	return []string{"postgres", "pg_ctl", "pg_controldata", "pg_waldump", "pg_basebackup", "pg_verifybackup", "pg_rewind"}
}

// Check tries whether a node's machine lets us do what recovery and failover need,
// and changes nothing. major is the version of the programs that are wanted where
// there is no data directory; 0 for the newest. The error joins all that is wrong;
// each says what to do.
func Check(ctx context.Context, m Machine, dataDirectory string, major int) (Readiness, error) {
	c := checking{Machine: m, ctx: ctx, dir: filepath.Clean(dataDirectory)}
	user, err := c.say("id", "-un")
	if err != nil {
		return Readiness{}, err
	}
	r := Readiness{User: user}
	there, err := m.Exists(c.dir)
	r.Missing = err == nil && !there
	if err == nil && there {
		err = c.owned(user)
	}
	bin, noBin := c.programs(major)
	r.Programs = bin
	return r, errors.Join(err, c.parent(user), noBin)
}

type checking struct {
	Machine
	ctx context.Context
	dir string
}

// say is what a command prints, without the end of the line.
func (c checking) say(path string, args ...string) (string, error) {
	out, err := c.Run(c.ctx, Command{Path: path, Args: args, Env: []string{"LC_ALL=C"}})
	return strings.TrimSuffix(string(out), "\n"), err
}

func (c checking) owned(user string) error {
	owner, err := c.say("stat", "-L", "-c", "%U", "--", c.dir)
	if err != nil {
		return fmt.Errorf("data_directory: %w", err)
	}
	if owner != user {
		return fmt.Errorf("data_directory %s belongs to user %s, but commands run as %s: have %s log in there (ssh.user), or run pgherd as that user or as root",
			c.dir, owner, user, owner)
	}
	if _, err := c.ReadDir(c.dir); err != nil {
		return fmt.Errorf("data_directory %s cannot be read by user %s: %w", c.dir, user, err)
	}
	return nil
}

// parent is where a rebuild makes the new directory, and where the log goes.
func (c checking) parent(user string) error {
	parent := filepath.Dir(c.dir)
	_, err := c.say("test", "-d", parent, "-a", "-w", parent)
	if exit := new(ExitError); errors.As(err, &exit) && exit.Code == 1 {
		return fmt.Errorf("user %s may not write in %s, where recovery makes the new data directory beside the old one: "+
			"make that directory, and have %s own it", user, parent, user)
	}
	return err
}

func (c checking) programs(major int) (bin string, err error) {
	_, missing := MajorVersion(c, c.dir)
	if errors.Is(missing, fs.ErrNotExist) && major > 0 {
		bin, err = FindMajor(c.ctx, c, major)
	} else {
		bin, err = FindBinaries(c.ctx, c, c.dir)
	}
	if err != nil {
		return "", err
	}
	for _, name := range programs() {
		there, err := c.Exists(filepath.Join(bin, name))
		if err != nil {
			return bin, err
		}
		if !there {
			return bin, fmt.Errorf("%s has no %s: install the whole server package", bin, name)
		}
	}
	_, err = c.say(filepath.Join(bin, "pg_ctl"), "--version")
	return bin, err
}
