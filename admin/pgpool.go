package admin

import (
	"context"
	"slices"
	"strings"
)

// pgpoolCommands are Pgpool-II's PGPOOL SHOW, SET and RESET. Its parameters belong
// to a session there; here none of those that a session may set has a meaning.
func pgpoolCommands(d Deps) table {
	return table{pgpoolShow(d), pgpoolSet(d), pgpoolReset(d)}
}

func pgpoolShow(d Deps) command {
	return command{
		words:     []string{"PGPOOL", "SHOW"},
		usage:     "name | backend | health_check | ALL",
		help:      "a parameter by Pgpool-II's name, or a group of them",
		privilege: privilegeNone,
		columns:   textColumns("item", "value", "description"),
		parse: func(a *args) (runFunc, error) {
			name, ok := a.name()
			if !ok {
				a.expected = append(a.expected, "the name of a parameter", "ALL")
				return nil, a.fail()
			}
			chosen, err := chosenParameters(d, name)
			if err != nil {
				return nil, err
			}
			if len(chosen) == 1 && chosen[0].name == name.identifier() {
				a.made = &command{words: []string{"PGPOOL", "SHOW"}, privilege: privilegeNone, columns: textColumns(chosen[0].name)}
				return valueRows([][]any{{chosen[0].value}}), a.end()
			}
			return valueRows(parameterRows(chosen)), a.end()
		},
	}
}

func valueRows(rows [][]any) runFunc {
	return func(context.Context, func(string)) ([][]any, error) { return rows, nil }
}

func parameterRows(list []parameter) [][]any {
	var rows [][]any
	for _, p := range list {
		rows = append(rows, []any{p.name, p.value, p.about})
	}
	return rows
}

// chosenParameters are those that a name stands for: one, the elements of an array
// (backend_hostname), a group (backend, health_check), or all.
func chosenParameters(d Deps, name token) ([]parameter, error) {
	wanted := name.identifier()
	var group []parameter
	for _, p := range pgpoolParameters(d) {
		switch {
		case p.name == wanted:
			return []parameter{p}, nil
		case wanted == "all" || strings.TrimRight(p.name, "0123456789") == wanted ||
			slices.Contains([]string{"backend", "health_check"}, wanted) && strings.HasPrefix(p.name, wanted+"_"):
			group = append(group, p)
		}
	}
	if len(group) == 0 {
		return nil, unknownParameter(name)
	}
	return group, nil
}

func unknownParameter(name token) error {
	e := newError(codeUndefinedObject, "config variable %q not found", name.identifier()).withHint("PGPOOL SHOW ALL lists those that there are")
	e.position = name.position
	return e
}

func pgpoolSet(d Deps) command {
	return command{
		words:     []string{"PGPOOL", "SET"},
		usage:     "name TO value",
		help:      "accepts the parameters that a session of Pgpool-II may set; none of them has an effect",
		privilege: privilegeNone,
		tag:       "SET",
		parse: func(a *args) (runFunc, error) {
			name, err := sessionParameter(d, a)
			if err != nil {
				return nil, err
			}
			if !a.try("TO") && a.peek().text != "=" {
				a.expected = append(a.expected, "=")
				return nil, a.fail()
			}
			if len(a.rest()) == 0 {
				a.expected = []string{"a value", "DEFAULT"}
				return nil, a.fail()
			}
			return withoutEffect(name), nil
		},
	}
}

func pgpoolReset(d Deps) command {
	return command{
		words:     []string{"PGPOOL", "RESET"},
		usage:     "name | ALL",
		help:      "undoes PGPOOL SET",
		privilege: privilegeNone,
		tag:       "RESET",
		parse: func(a *args) (runFunc, error) {
			if a.try("ALL") {
				return valueRows(nil), a.end()
			}
			name, err := sessionParameter(d, a)
			if err != nil {
				return nil, err
			}
			return withoutEffect(name), a.end()
		},
	}
}

// sessionParameter consumes the name of a parameter that a session may set.
func sessionParameter(d Deps, a *args) (string, error) {
	name, ok := a.name()
	if !ok {
		a.expected = append(a.expected, "the name of a parameter")
		return "", a.fail()
	}
	wanted := name.identifier()
	if slices.Contains(sessionParameters(), wanted) {
		return wanted, nil
	}
	if _, err := chosenParameters(d, name); err != nil {
		return "", err
	}
	e := newError(codeCannotChange, "parameter %q cannot be changed in a session", wanted).withHint("change it in the configuration file and RELOAD")
	e.position = name.position
	return "", e
}

// sessionParameters are those of Pgpool-II 4.7 with the context session.
func sessionParameters() []string {
	return []string{"log_statement", "log_per_node_statement", "notice_per_node_statement", "log_client_messages", "log_backend_messages",
		"log_error_verbosity", "log_min_messages", "client_min_messages", "check_unlogged_table", "allow_sql_comments",
		"client_idle_limit", "client_idle_limit_in_recovery"}
}

func withoutEffect(name string) runFunc {
	return func(_ context.Context, progress func(string)) ([][]any, error) {
		progress("parameter " + name + " of a session has no effect in pgherd")
		return nil, nil
	}
}
