package admin

import (
	"context"
	"fmt"
	"strconv"
)

// kill is PgBouncer's: clients go at once, and who comes afterwards waits until
// RESUME.
func kill(d Deps) command {
	return command{
		words: []string{"KILL"},
		usage: "[database]",
		help:  "disconnect all clients and servers at once; new clients wait until RESUME",
		tag:   "KILL",
		parse: onDatabase(d, optional, func(ctx context.Context, database string, progress func(string)) error {
			d.Gates.Pause(database)
			n, err := d.Gates.Kill(ctx, database)
			progress(fmt.Sprintf("clients disconnected: %d; new ones wait until RESUME", n))
			if err != nil {
				return err
			}
			return d.Gates.Settle(ctx, database)
		}),
	}
}

// killClient goes by the column id of SHOW CLIENTS. PgBouncer writes it in one
// word.
func killClient(d Deps, words ...string) command {
	return command{
		words: words,
		usage: "id",
		help:  "disconnect one client, by its id in SHOW CLIENTS",
		tag:   "KILL_CLIENT",
		parse: func(a *args) (runFunc, error) {
			number, err := a.number("the id of a client")
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, _ func(string)) ([][]any, error) {
				return nil, d.killClient(ctx, number)
			}, a.end()
		},
	}
}

func (d Deps) killClient(ctx context.Context, number token) error {
	id, err := strconv.ParseUint(number.text, 10, 64)
	found := false
	if err == nil {
		found, err = d.Gates.KillClient(ctx, id)
	} else {
		err = nil // larger than any id
	}
	if found || err != nil {
		return err
	}
	e := newError(codeUndefinedObject, "client %s does not exist", number.text).withHint("SHOW CLIENTS has the ids")
	e.position = number.position
	return e
}
