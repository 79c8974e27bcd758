package admin

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/livesql"
)

// set changes the configuration in force, by pgherd's keys (pool.size) or
// PgBouncer's names (default_pool_size). SET of other names is what drivers send:
// it changes nothing, and everybody may.
func set(d Deps) command {
	return command{
		words: []string{"SET"},
		usage: "key = value",
		help:  "change a key of the configuration until the next RELOAD; SHOW POOL_SETTINGS has the keys",
		tag:   "SET",
		parse: func(a *args) (runFunc, error) {
			key := settingName(a.tokens)
			if !isSetting(d, key) {
				a.rest()
				a.made = &command{words: []string{"SET"}, privilege: privilegeNone, tag: "SET"}
				return withoutMeaning(d, key), nil
			}
			value, err := a.assigned(key)
			if err != nil {
				return nil, err
			}
			a.text = "SET " + key // the value might be a secret
			return func(_ context.Context, progress func(string)) ([][]any, error) {
				notes, err := d.Process.Set(ownKey(d, key, value))
				for _, note := range notes {
					progress(note)
				}
				if err != nil {
					return nil, newError(codeInvalidParameter, "%s", err.Error()).withHint("SHOW POOL_SETTINGS has the keys, their values, and which of them can be set")
				}
				return nil, nil
			}, nil
		},
	}
}

// withoutMeaning is SET of what the console does not have. A name that looks like one
// of its own gets a notice: nothing has changed.
func withoutMeaning(d Deps, key string) runFunc {
	return func(_ context.Context, progress func(string)) ([][]any, error) {
		meant := map[string]string{}
		for _, s := range d.Config().Settings() {
			meant[strings.ReplaceAll(s.Key, ".", "_")] = s.Key
		}
		for _, name := range pgbouncerNames() {
			meant[name] = name
		}
		near := livesql.Nearest(key, slices.Sorted(maps.Keys(meant)))
		if near != "" && !slices.Contains(driverSettings(), key) {
			progress("SET " + key + " has changed nothing: did you mean " + meant[near] + "?")
		}
		return nil, nil
	}
}

// driverSettings are set by drivers and resemble keys of the configuration.
func driverSettings() []string {
	return []string{"statement_timeout", "lock_timeout", "transaction_timeout", "idle_in_transaction_session_timeout", "application_name",
		"client_encoding", "client_min_messages", "datestyle", "timezone", "search_path", "extra_float_digits", "intervalstyle", "bytea_output"}
}

// settingName is the name that a statement begins with, dots included.
func settingName(tokens []token) (name string) {
	for i := 0; tokens[i].kind == tokenWord || i > 0 && tokens[i].kind == tokenNumber; i += 2 {
		name += tokens[i].identifier()
		if tokens[i+1].text != "." {
			break
		}
		name += "."
	}
	return name
}

// isSetting tells the configuration's names from those of drivers: one with a
// dot is meant for us, as is one that the file or PgBouncer has.
func isSetting(d Deps, name string) bool {
	if _, known := pgbouncerKey(name); known || strings.Contains(name, ".") {
		return true
	}
	return slices.ContainsFunc(d.Config().Settings(), func(s config.Setting) bool {
		first, _, _ := strings.Cut(s.Key, ".")
		return first == name
	})
}

// assigned consumes a key and its value. A value that is not quoted is what
// stands there.
func (a *args) assigned(key string) (string, error) {
	for range 2*strings.Count(key, ".") + 1 {
		a.next()
	}
	if !a.try("TO") && a.peek().text != "=" {
		a.expected = append(a.expected, "=")
		return "", a.fail()
	}
	if a.peek().text == "=" {
		a.next()
	}
	first := a.peek()
	rest := a.rest()
	switch {
	case len(rest) == 0:
		a.expected = []string{"a value"}
		return "", a.fail()
	case len(rest) == 1 && first.kind == tokenQuoted:
		return first.literal(), nil
	}
	return strings.TrimSpace(first.rest[:len(first.rest)-len(a.peek().rest)]), nil
}

// pgbouncerKey is our key of PgBouncer's name.
func pgbouncerKey(name string) (string, bool) {
	for key, theirs := range pgbouncerNames() {
		if theirs == name {
			return key, true
		}
	}
	return "", false
}

// ownKey puts PgBouncer's names and values into ours: its times are in seconds.
func ownKey(d Deps, key, value string) (string, string) {
	own, ok := pgbouncerKey(key)
	if !ok {
		return key, value
	}
	all := d.Config().Settings()
	i := slices.IndexFunc(all, func(s config.Setting) bool { return s.Key == own })
	if i < 0 {
		return own, value
	}
	_, isTime := time.ParseDuration(all[i].Value)
	if _, err := strconv.ParseFloat(value, 64); err == nil && isTime == nil && all[i].Value != "0" {
		value += "s"
	}
	return own, value
}
