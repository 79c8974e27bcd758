package pool

import (
	"slices"
	"strings"
	"unique"
)

// Settings is a set of session settings (GUCs), interned: two are the same if
// they are ==. The zero Settings is empty.
type Settings struct{ h unique.Handle[string] }

// Setting is one parameter. Value is an SQL fragment that may stand behind
// SET name TO.
type Setting struct{ Name, Value string }

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

// Value is the fragment of one parameter, "" when it is not set.
func (s Settings) Value(name string) string {
	for _, e := range s.List() {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// With returns s with one parameter set, or removed when value is "".
func (s Settings) With(name, value string) Settings {
	list := s.List()
	at, found := slices.BinarySearchFunc(list, name, func(e Setting, n string) int { return strings.Compare(e.Name, n) })
	switch {
	case value == "" && found:
		list = slices.Delete(list, at, at+1)
	case value == "":
	case found:
		list[at].Value = value
	default:
		list = slices.Insert(list, at, Setting{name, value})
	}
	return intern(list)
}

// Difference is the SQL that turns a connection with settings s into one with
// want; "" when there is nothing to do.
func (s Settings) Difference(want Settings) string {
	if s == want {
		return ""
	}
	old, next := map[string]string{}, map[string]string{}
	for _, e := range s.List() {
		old[e.Name] = e.Value
	}
	var sql strings.Builder
	for _, e := range want.List() {
		next[e.Name] = e.Value
		if old[e.Name] != e.Value {
			sql.WriteString("SET " + quoteName(e.Name) + " TO " + e.Value + ";")
		}
	}
	for _, e := range s.List() {
		if next[e.Name] == "" {
			sql.WriteString("RESET " + quoteName(e.Name) + ";")
		}
	}
	return sql.String()
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

// Literal quotes a value that came from a client's start-up packet.
func Literal(value string) string {
	quoted := "'" + strings.ReplaceAll(value, "'", "''") + "'"
	if strings.Contains(value, `\`) {
		quoted = "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
