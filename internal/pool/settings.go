package pool

import (
	"maps"
	"slices"
	"strings"
	"unique"
)

// Settings is a set of parameters (GUCs) with their values, interned: two are the
// same if they are ==. The zero Settings is empty.
type Settings struct{ h unique.Handle[string] }

// Setting is one parameter. Value is what set_config would take and current_setting
// would give.
type Setting struct{ Name, Value string }

// NewSettings makes Settings of parameters by name.
func NewSettings(values map[string]string) Settings {
	list := make([]Setting, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, Setting{name, values[name]})
	}
	return intern(list)
}

func intern(list []Setting) Settings {
	if len(list) == 0 {
		return Settings{}
	}
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s.Name + "\x00" + s.Value + "\x00")
	}
	return Settings{unique.Make(b.String())}
}

// List is the settings in the order of their names.
func (s Settings) List() []Setting {
	if s == (Settings{}) {
		return nil
	}
	fields := strings.Split(s.h.Value(), "\x00")
	list := make([]Setting, 0, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		list = append(list, Setting{fields[i], fields[i+1]})
	}
	return list
}

// Lookup finds one parameter's value; false when it is not set.
func (s Settings) Lookup(name string) (string, bool) {
	list := s.List()
	if at, found := find(list, name); found {
		return list[at].Value, true
	}
	return "", false
}

func find(list []Setting, name string) (int, bool) {
	return slices.BinarySearchFunc(list, name, func(e Setting, n string) int { return strings.Compare(e.Name, n) })
}

// With returns s with one parameter set.
func (s Settings) With(name, value string) Settings {
	list := s.List()
	at, found := find(list, name)
	if found {
		list[at].Value = value
	} else {
		list = slices.Insert(list, at, Setting{name, value})
	}
	return intern(list)
}

// Without returns s with one parameter taken out.
func (s Settings) Without(name string) Settings {
	list := s.List()
	at, found := find(list, name)
	if !found {
		return s
	}
	return intern(slices.Delete(list, at, at+1))
}

// Over returns the settings of s, and those of base that s has not.
func (s Settings) Over(base Settings) Settings {
	if s == base || base == (Settings{}) {
		return s
	}
	list := s.List()
	for _, e := range base.List() {
		if at, found := find(list, e.Name); !found {
			list = slices.Insert(list, at, e)
		}
	}
	return intern(list)
}

// Changes are the settings of want that s has not, or has with another value.
func (s Settings) Changes(want Settings) []Setting {
	if s == want {
		return nil
	}
	old := s.List()
	return slices.DeleteFunc(want.List(), func(e Setting) bool {
		at, found := find(old, e.Name)
		return found && old[at].Value == e.Value
	})
}

// The parameters that decide what others may be set to.
const (
	Role                 = "role"
	SessionAuthorization = "session_authorization"
)

// Difference is the SQL that turns a connection with settings s into one with
// want; "" when there is nothing to do. Whoever the connection acts as is left
// first and taken on last: only its own user is sure to be allowed the rest.
func (s Settings) Difference(want Settings) string {
	if s == want {
		return ""
	}
	var sql strings.Builder
	if s.acts() {
		sql.WriteString("RESET SESSION AUTHORIZATION;RESET ROLE;")
		s = s.Without(Role).Without(SessionAuthorization)
	}
	plain := want.Without(Role).Without(SessionAuthorization)
	for _, e := range s.List() {
		if _, kept := plain.Lookup(e.Name); !kept {
			sql.WriteString("RESET " + quoteName(e.Name) + ";")
		}
	}
	sql.WriteString(Assignments(s.Changes(plain)))
	for _, name := range [...]string{SessionAuthorization, Role} {
		if value, ok := want.Lookup(name); ok {
			sql.WriteString(Setting{name, value}.SQL())
		}
	}
	return sql.String()
}

// acts says whether the connection acts as somebody else than who logged in.
func (s Settings) acts() bool {
	_, role := s.Lookup(Role)
	_, user := s.Lookup(SessionAuthorization)
	return role || user
}

// Assignments is the SQL that makes the settings.
func Assignments(list []Setting) string {
	var sql strings.Builder
	for _, e := range list {
		sql.WriteString(e.SQL())
	}
	return sql.String()
}

// SQL is the statement that makes the setting. SET takes a text with commas for
// one element where elements are quoted; set_config doesn't, but costs more.
func (e Setting) SQL() string {
	switch e.Name {
	case "search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries":
		return "SELECT pg_catalog.set_config(" + Literal(e.Name) + "," + Literal(e.Value) + ",false);"
	}
	return "SET " + quoteName(e.Name) + " TO " + Literal(e.Value) + ";"
}

// quoteName quotes a parameter's name; the parts of a name of an extension's
// are quoted one by one.
func quoteName(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
	}
	return strings.Join(parts, ".")
}

// Literal is a string constant that means the same whatever
// standard_conforming_strings is.
func Literal(value string) string {
	quoted := "'" + strings.ReplaceAll(value, "'", "''") + "'"
	if strings.Contains(value, `\`) {
		quoted = "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
