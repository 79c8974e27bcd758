package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
)

// Alter is ALTER SYSTEM without SQL, on a running server: it sets parameters in
// postgresql.auto.conf, drops those in remove, and has the server read its files again.
// False when nothing was to change. An ALTER SYSTEM at the same moment may be lost.
func (i *Instance) Alter(ctx context.Context, set map[string]string, remove ...string) (bool, error) {
	changed, err := i.edit(set, remove)
	if err != nil || !changed {
		return false, err
	}
	if _, err := i.run(ctx, Command{Path: "pg_ctl", Args: []string{"reload", "-D", i.node.DataDirectory}}); err != nil {
		return true, i.fail("reload", err)
	}
	return true, nil
}

// Promote has a running standby leave recovery; it does not wait until it has.
func (i *Instance) Promote(ctx context.Context) error {
	if _, err := i.run(ctx, Command{Path: "pg_ctl", Args: []string{"promote", "-W", "-D", i.node.DataDirectory}}); err != nil {
		return i.fail("promote", err)
	}
	return nil
}

// edit rewrites postgresql.auto.conf, and tells whether that was needed.
func (i *Instance) edit(set map[string]string, remove []string) (changed bool, err error) {
	path := i.file("postgresql.auto.conf")
	old, err := i.machine.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, i.fail("configure", err)
	}
	text, err := editSettings(old, set, remove)
	if err != nil {
		return false, i.fail("configure", err)
	}
	if bytes.Equal(old, text) {
		return false, nil
	}
	if err := i.machine.WriteFile(path, text, 0o600); err != nil {
		return false, i.fail("configure", err)
	}
	return true, nil
}
