package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// settings answers SHOW for the parameters the client was told at start-up, and
// for the isolation level that drivers ask for.
func settings(params map[string]string) table {
	all := sessionSettings(params)
	t := table{
		setting("transaction_isolation", all["transaction_isolation"], "TRANSACTION", "ISOLATION", "LEVEL"),
		setting("TimeZone", all["TimeZone"], "TIME", "ZONE"),
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t = append(t, setting(name, all[name], strings.ToUpper(name)))
	}
	return t
}

// sessionSettings adds to what the client was told what drivers ask any server for.
func sessionSettings(params map[string]string) map[string]string {
	all := map[string]string{
		"transaction_isolation": "read committed", "default_transaction_isolation": "read committed", "transaction_read_only": "off",
		"default_transaction_read_only": "off", "search_path": "public", "max_identifier_length": "63", "lc_collate": "C", "lc_ctype": "C",
		"lc_messages": "C", "bytea_output": "hex", "extra_float_digits": "1", "TimeZone": "UTC",
		"server_encoding": "UTF8", "is_superuser": "off", "in_hot_standby": "off",
	}
	maps.Copy(all, params)
	all["server_version_num"] = versionNumber(all["server_version"])
	return all
}

// versionNumber is server_version_num: 150004 for "15.4 (pgherd)".
func versionNumber(version string) string {
	var major, minor int
	fmt.Sscanf(version, "%d.%d", &major, &minor)
	return strconv.Itoa(major*10000 + minor)
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
		accepted("ROLLBACK TO", "ROLLBACK", nil), // a savepoint: nothing is undone here
		accepted("ROLLBACK", "ROLLBACK", s.setTx('I')),
		accepted("SAVEPOINT", "SAVEPOINT", nil),
		accepted("RELEASE", "RELEASE", nil),
		accepted("ABORT", "ROLLBACK", s.setTx('I')),
		accepted("RESET", "RESET", nil),
		accepted("CLOSE ALL", "CLOSE CURSOR ALL", nil),
		accepted("UNLISTEN", "UNLISTEN", nil),
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
