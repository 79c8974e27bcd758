package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/livesql"
)

// privilege is who may run a command. The zero value is the narrow one.
type privilege int

const (
	privilegeCommand privilege = iota // console.admin_users
	privilegeLook                     // and console.stats_users
	privilegeNone                     // every user who can log in
)

func (p privilege) String() string {
	return [...]string{"administrators", "stats users", "everybody"}[p]
}

// covers reports whether a user with privilege p may do what needs another: who
// may command may look.
func (p privilege) covers(needed privilege) bool { return p <= needed }

// command is one entry of the table.
type command struct {
	words     []string // in upper case, what it begins with
	usage     string   // what follows the words; "" = nothing
	help      string   // one line; "" hides a command that only drivers send
	privilege privilege
	columns   []livesql.Column // of its result; nil when it has none
	tag       string           // of CommandComplete; results have "SELECT n"
	parse     func(*args) (runFunc, error)
}

// runFunc carries a statement out and returns its rows. progress reports a step
// to the client; it may be called from any goroutine and does not block.
type runFunc func(ctx context.Context, progress func(string)) ([][]any, error)

func (c *command) name() string { return strings.Join(c.words, " ") }

// table is the list of commands, in the order in which HELP shows them.
type table []command

// narrow keeps the commands whose word at this depth is the token.
func (t table) narrow(depth int, word token) table {
	var kept table
	for _, c := range t {
		if depth < len(c.words) && word.is(c.words[depth]) {
			kept = append(kept, c)
		}
	}
	return kept
}

// wordsAt lists the distinct words at this depth. Hidden commands are left out,
// unless there are no others.
func (t table) wordsAt(depth int) []string {
	var shown, hidden []string
	for _, c := range t {
		words := &shown
		if c.help == "" {
			words = &hidden
		}
		if depth < len(c.words) && !slices.Contains(*words, c.words[depth]) {
			*words = append(*words, c.words[depth])
		}
	}
	if len(shown) == 0 {
		return hidden
	}
	return shown
}

// nothingMore is the parse function of a command without arguments.
func nothingMore(run runFunc) func(*args) (runFunc, error) {
	return func(a *args) (runFunc, error) { return run, a.end() }
}

// onNode is the parse function of a command whose only argument is a node.
func onNode(board *cluster.Board, run func(ctx context.Context, node cluster.NodeID, progress func(string)) error) func(*args) (runFunc, error) {
	return func(a *args) (runFunc, error) {
		number, err := a.number("a node number")
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, progress func(string)) ([][]any, error) {
			node, err := findNode(board, number)
			if err != nil {
				return nil, err
			}
			return nil, run(ctx, node, progress)
		}, a.end()
	}
}
