package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// recoveryTargets would make a standby stop somewhere; Follow drops them.
var recoveryTargets = []string{
	"recovery_target", "recovery_target_name", "recovery_target_time", "recovery_target_xid", "recovery_target_lsn",
}

// Follow makes a stopped node a standby of the server that primaryConninfo
// leads to: it writes primary_conninfo, primary_slot_name (slot "" for none),
// recovery_target_timeline and standby.signal, and removes recovery.signal.
func (i *Instance) Follow(primaryConninfo, slot string) error {
	err := i.Configure(map[string]string{
		"primary_conninfo":         primaryConninfo,
		"primary_slot_name":        slot,
		"recovery_target_timeline": "latest",
	}, recoveryTargets...)
	if err != nil {
		return err
	}
	if err := i.machine.WriteFile(i.file("standby.signal"), nil, 0o600); err != nil {
		return i.fail("follow", err)
	}
	if err := i.machine.RemoveAll(i.file("recovery.signal")); err != nil {
		return i.fail("follow", err)
	}
	return nil
}

// PrimaryConninfo is what the configuration files of a stopped node say of
// primary_conninfo, "" for nothing. It may hold a password.
func (i *Instance) PrimaryConninfo(ctx context.Context) (string, error) {
	return i.setting(ctx, "primary_conninfo")
}

// Configure sets parameters in postgresql.auto.conf of a stopped node, which
// wins over every other file. Earlier lines of the same parameters, and of
// those in remove, are dropped; everything else stays.
func (i *Instance) Configure(set map[string]string, remove ...string) error {
	if running, err := i.Running(); err != nil {
		return err
	} else if running {
		return i.fail("configure", errors.New("the server runs: use ALTER SYSTEM, or stop it first"))
	}
	_, err := i.edit(set, remove)
	return err
}

// editSettings rewrites the text of a configuration file. Names are compared
// without regard to case, as the server does.
func editSettings(old []byte, set map[string]string, remove []string) ([]byte, error) {
	drop := map[string]bool{}
	for _, name := range remove {
		drop[strings.ToLower(name)] = true
	}
	for name := range set {
		drop[strings.ToLower(name)] = true
	}
	var out bytes.Buffer
	for line := range bytes.Lines(old) {
		if !drop[strings.ToLower(settingName(line))] {
			out.Write(bytes.TrimRight(line, "\r\n"))
			out.WriteByte('\n')
		}
	}
	lines, err := formatSettings(set)
	out.WriteString(lines)
	return out.Bytes(), err
}

var (
	leadingName   = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_$.]*)`)
	parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$`)
)

// settingName is the parameter that a line sets, "" for a comment.
func settingName(line []byte) string {
	if m := leadingName.FindSubmatch(line); m != nil {
		return string(m[1])
	}
	return ""
}

// formatSettings writes one line per parameter, sorted by name.
func formatSettings(set map[string]string) (string, error) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !parameterName.MatchString(name) {
			return "", fmt.Errorf("%q is not the name of a parameter", name)
		}
		if strings.ContainsAny(set[name], "\n\r\x00") {
			return "", fmt.Errorf("the value of %s must be one line", name)
		}
		fmt.Fprintf(&b, "%s = %s\n", name, quoteSetting(set[name]))
	}
	return b.String(), nil
}

// quoteSetting quotes by the rules of postgresql.conf, where a backslash
// escapes too.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value) + "'"
}
