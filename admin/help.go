package admin

import (
	"context"
	"strings"
)

// help lists the commands of t and itself.
func help(t table) command {
	h := command{
		words:     []string{"HELP"},
		usage:     "[command]",
		help:      "the commands, or those that begin with some words; at its prompt psql keeps a bare HELP for itself: SHOW HELP is the same",
		privilege: privilegeNone,
		columns:   textColumns("command", "allowed_to", "description"),
	}
	listed := append(t[:len(t):len(t)], h)
	h.parse = func(a *args) (runFunc, error) {
		chosen, err := listed.chosen(a)
		return func(context.Context, func(string)) ([][]any, error) { return chosen.describe(), nil }, err
	}
	return h
}

// showHelp is help by PgBouncer's name.
func showHelp(t table) command {
	h := help(t)
	h.words, h.usage, h.help = []string{"SHOW", "HELP"}, "", ""
	h.parse = func(a *args) (runFunc, error) {
		return func(context.Context, func(string)) ([][]any, error) { return append(t, help(t)).describe(), nil }, a.end()
	}
	return h
}

// chosen keeps the commands that begin with the words that are left.
func (t table) chosen(a *args) (table, error) {
	kept := t
	for depth := 0; a.peek().kind != tokenEnd; depth++ {
		next := kept.narrow(depth, a.peek())
		if len(next) == 0 {
			a.expected = append(kept.wordsAt(depth), "end of command")
			return nil, a.fail()
		}
		kept = next
		a.next()
	}
	return kept, nil
}

func (t table) describe() [][]any {
	var rows [][]any
	for _, c := range t {
		rows = append(rows, []any{strings.TrimSpace(c.name() + " " + c.usage), c.privilege.String(), c.help})
	}
	return rows
}
