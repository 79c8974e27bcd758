package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/report"
)

// Gates is what the console needs in order to hold clients up, keep them out, or
// send them away. The database "" stands for all; what returns a bool is false
// when nothing has changed.
type Gates interface {
	Pause(database string) bool
	Resume(database string) bool
	Settle(ctx context.Context, database string) error // until nobody has a server
	Suspend(ctx context.Context, database string) (dropped int, err error)
	Disable(database string) bool
	Enable(database string) bool
	Kill(ctx context.Context, database string) (clients int, err error)
	KillClient(ctx context.Context, id uint64) (found bool, err error)
	Reconnect(database string)
	Renewed(ctx context.Context, database string) error // until what Reconnect meant has gone
	Gate(database string) report.Gate
}

// need says whether a command can do without a database.
type need int

const (
	optional need = iota // without one it means all of them
	required
)

// gateFunc is what a command does to a database, "" for all.
type gateFunc func(ctx context.Context, database string, progress func(string)) error

// onDatabase is the parse function of a command whose only argument is a
// database. Only one that is there, or configured, is meant: a slip of the pen
// must not look as if it had worked.
func onDatabase(d Deps, n need, run gateFunc) func(*args) (runFunc, error) {
	return func(a *args) (runFunc, error) {
		name, given := a.name()
		if !given && (n == required || a.peek().kind != tokenEnd) {
			a.expected = append(a.expected, "the name of a database")
			return nil, a.fail()
		}
		return func(ctx context.Context, progress func(string)) ([][]any, error) {
			database := ""
			if given {
				var err error
				if database, err = findDatabase(ctx, d, name); err != nil {
					return nil, err
				}
			}
			return nil, run(ctx, database, progress)
		}, a.end()
	}
}

// maxNamed is how many databases a hint names.
const maxNamed = 20

// findDatabase is the name of a database that is configured, or in use.
func findDatabase(ctx context.Context, d Deps, name token) (string, error) {
	wanted := name.identifier()
	clients, err := d.Traffic.Clients(ctx)
	if err != nil {
		return "", err
	}
	known := databaseNames(d.Config(), countBy(clients, func(c report.Client) string { return c.Database }),
		countBy(d.Traffic.Pools(), func(p report.Pool) string { return p.Database }), gated(d.Gates, wanted))
	for _, k := range known {
		if k == wanted {
			return k, nil
		}
	}
	e := newError(codeUndefinedDatabase, "database %q is not configured, and nobody uses it", wanted)
	e.position = name.position
	if more := len(known) - maxNamed; more > 0 {
		e.hint = fmt.Sprintf("there is %s, and %d more that SHOW DATABASES has", strings.Join(known[:maxNamed], ", "), more)
	} else if len(known) > 0 {
		e.hint = "there is " + either(known, "and")
	}
	return "", e
}

// gated has a database that something was said about: that can be undone, also
// when everybody has left.
func gated(g Gates, database string) map[string]int {
	if g.Gate(database) == (report.Gate{}) {
		return nil
	}
	return map[string]int{database: 1}
}

// inWords is a database in a message.
func inWords(database string) string {
	if database == "" {
		return "all databases"
	}
	return "database " + strconv.Quote(database)
}

// alreadySo is the error of a command that has nothing to do.
func alreadySo(database, how string) error {
	is := "is"
	if database == "" {
		is = "are"
	}
	return newError(codeNotNow, "%s %s %s", inWords(database), is, how).withHint(hintGates)
}

// hintGates says where to look and what to do about what is held.
const hintGates = "SHOW DATABASES has what is paused and disabled, SHOW STATE what holds for all; RESUME and ENABLE undo it"

// serversInUse counts the servers that clients have.
func serversInUse(t Traffic, database string) string {
	n := 0
	for _, p := range t.Pools() {
		if database == "" || p.Database == database {
			n += p.Active
		}
	}
	return fmt.Sprintf("servers in use: %d", n)
}
