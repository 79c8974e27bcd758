package admin

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// settings answers SHOW for the parameters the client was told at start-up, and
// for the isolation level that drivers ask for.
func settings(params map[string]string) table {
	t := table{
		setting("transaction_isolation", "read committed", "TRANSACTION", "ISOLATION", "LEVEL"),
		setting("transaction_isolation", "read committed", "TRANSACTION_ISOLATION"),
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		t = append(t, setting(name, params[name], strings.ToUpper(name)))
	}
	return t
}

func setting(name, value string, words ...string) command {
	return command{
		words:     append([]string{"SHOW"}, words...),
		privilege: privilegeNone,
		columns:   textColumns(name),
		parse: nothingMore(func(context.Context, func(string)) ([][]any, error) {
			return [][]any{{value}}, nil
		}),
	}
}

// driverCommands are what drivers and connection pools send by themselves. They
// change nothing but the session.
func (s *session) driverCommands() table {
	return table{
		accepted("BEGIN", "BEGIN", s.setTx('T')),
		accepted("START TRANSACTION", "START TRANSACTION", s.setTx('T')),
		accepted("COMMIT", "COMMIT", s.setTx('I')),
		accepted("END", "COMMIT", s.setTx('I')),
		accepted("ROLLBACK", "ROLLBACK", s.setTx('I')),
		accepted("ABORT", "ROLLBACK", s.setTx('I')),
		accepted("RESET", "RESET", nil),
		accepted("CLOSE ALL", "CLOSE CURSOR ALL", nil),
		accepted("UNLISTEN", "UNLISTEN", nil),
		accepted("DISCARD ALL", "DISCARD ALL", s.deallocateAll),
		accepted("DEALLOCATE ALL", "DEALLOCATE ALL", s.deallocateAll),
		s.deallocate(),
	}
}

// accepted is a command whose arguments do not matter; effect may be nil.
func accepted(words, tag string, effect func()) command {
	return command{
		words:     strings.Fields(words),
		privilege: privilegeNone,
		tag:       tag,
		parse: func(a *args) (runFunc, error) {
			a.rest()
			return func(context.Context, func(string)) ([][]any, error) {
				if effect != nil {
					effect()
				}
				return nil, nil
			}, nil
		},
	}
}

func (s *session) setTx(status byte) func() { return func() { s.tx = status } }

func (s *session) deallocateAll() { clear(s.statements) }

// deallocate drops one prepared statement by name.
func (s *session) deallocate() command {
	return command{
		words:     []string{"DEALLOCATE"},
		privilege: privilegeNone,
		tag:       "DEALLOCATE",
		parse: func(a *args) (runFunc, error) {
			a.try("PREPARE")
			if k := a.peek().kind; k != tokenWord && k != tokenQuoted {
				a.expected = []string{"ALL", "the name of a prepared statement"}
				return nil, a.fail()
			}
			name := a.next().identifier()
			return func(context.Context, func(string)) ([][]any, error) {
				_, err := find(s.statements, name, "prepared statement", codeUnknownStatement)
				delete(s.statements, name)
				return nil, err
			}, a.end()
		},
	}
}
