package hba

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Maps say which users a name of the system or of a certificate may be. A nil
// Maps has none.
type Maps struct{ list []mapping }

// mapping is one line: map, system name, user.
type mapping struct {
	name    string
	system  string
	pattern *regexp.Regexp // in place of system
	user    func(user, captured string) bool
}

// LoadMaps reads a file in pg_ident.conf's format. Mistakes come joined, each an
// *Error.
func LoadMaps(path string) (*Maps, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the ident file: %w", err)
	}
	return parseMaps(path, string(data))
}

func parseMaps(file, text string) (*Maps, error) {
	lines, errs := scan(file, text)
	maps := &Maps{}
	for _, l := range lines {
		m, err := readMapping(l.fields)
		if err != nil {
			errs = append(errs, &Error{file, l.number, err.Error()})
			continue
		}
		maps.list = append(maps.list, m)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return maps, nil
}

func readMapping(fields []field) (m mapping, err error) {
	if len(fields) != 3 {
		return m, errors.New("want MAP SYSTEM-NAME USER")
	}
	for _, f := range fields {
		if len(f) != 1 {
			return m, errors.New("want one word in each column, found a list")
		}
	}
	m.name, m.system = fields[0][0].text, fields[1][0].text
	if pattern, ok := strings.CutPrefix(m.system, "/"); ok {
		if m.pattern, err = regexp.Compile(pattern); err != nil {
			return m, fmt.Errorf("regular expression %q: %w", pattern, err)
		}
	}
	m.user, err = userOf(fields[2][0], m.pattern)
	return m, err
}

// userOf reads the column of users: all, a regular expression, or a name, in
// which \1 stands for what the system name's expression has captured.
func userOf(t token, system *regexp.Regexp) (func(user, captured string) bool, error) {
	switch {
	case t.is("all"):
		return func(string, string) bool { return true }, nil
	case !t.quoted && strings.HasPrefix(t.text, "+"):
		return nil, fmt.Errorf("%s is not supported: pgherd does not know who is a member of a role; list the users", t.text)
	case strings.HasPrefix(t.text, "/"):
		re, err := regexp.Compile(t.text[1:])
		if err != nil {
			return nil, fmt.Errorf("regular expression %q: %w", t.text[1:], err)
		}
		return func(user, _ string) bool { return re.MatchString(user) }, nil
	case strings.Contains(t.text, `\1`) && (system == nil || system.NumSubexp() == 0):
		return nil, fmt.Errorf(`%s refers to a group, but the system name captures none`, t.text)
	}
	return func(user, captured string) bool { return user == strings.ReplaceAll(t.text, `\1`, captured) }, nil
}

// Allow reports whether a line of the map named name lets system be user. With
// "" for the map the names must be equal.
func (m *Maps) Allow(name, system, user string) bool {
	if name == "" {
		return system == user
	}
	if m == nil {
		return false
	}
	for _, one := range m.list {
		if one.name == name && one.allows(system, user) {
			return true
		}
	}
	return false
}

func (m *mapping) allows(system, user string) bool {
	if m.pattern == nil {
		return m.system == system && m.user(user, "")
	}
	groups := m.pattern.FindStringSubmatch(system)
	if groups == nil {
		return false
	}
	captured := ""
	if len(groups) > 1 {
		captured = groups[1]
	}
	return m.user(user, captured)
}
