package admin

import (
	"context"
	"fmt"
)

// pause is PgBouncer's: it returns when nobody has a server any more. Cancelled
// while it waits, it is undone.
func pause(d Deps) command {
	return command{
		words: []string{"PAUSE"},
		usage: "[database]",
		help:  "hold clients with their next transaction, and wait until the present ones have ended; RESUME undoes it",
		tag:   "PAUSE",
		parse: onDatabase(d, optional, func(ctx context.Context, database string, progress func(string)) error {
			inUse := serversInUse(d.Traffic, database)
			if !d.Gates.Pause(database) {
				return alreadySo(database, "paused already")
			}
			progress("new transactions wait; " + inUse)
			if err := d.Gates.Settle(ctx, database); err != nil {
				d.Gates.Resume(database)
				return fmt.Errorf("%s, which has been resumed, was not paused: %w", inWords(database), err)
			}
			return nil
		}),
	}
}

func resume(d Deps) command {
	return command{
		words: []string{"RESUME"},
		usage: "[database]",
		help:  "let clients go on after PAUSE or KILL",
		tag:   "RESUME",
		parse: onDatabase(d, optional, func(_ context.Context, database string, _ func(string)) error {
			switch {
			case d.Gates.Resume(database):
				return nil
			case database == "":
				return newError(codeNotNow, "nothing is paused")
			}
			return alreadySo(database, "not paused")
		}),
	}
}

// suspend is PgBouncer's for handing its sockets over to a new process, which
// pgherd does not do.
func suspend() command {
	return command{
		words: []string{"SUSPEND"},
		help:  "refused: it serves to hand sockets over to another PgBouncer; see PAUSE",
		tag:   "SUSPEND",
		parse: nothingMore(func(context.Context, func(string)) ([][]any, error) {
			return nil, newError(codeNotSupported, "pgherd cannot be suspended: it hands its sockets over to nobody").
				withHint("PAUSE holds clients up between transactions")
		}),
	}
}
