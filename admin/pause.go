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
		help:  "hold clients before their next transaction, and wait until the present ones have ended; RESUME undoes it",
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
		help:  "let clients go on after PAUSE, SUSPEND or KILL",
		tag:   "RESUME",
		parse: onDatabase(d, optional, func(_ context.Context, database string, _ func(string)) error {
			switch {
			case d.Gates.Resume(database):
				return nil
			case database == "":
				return newError(codeNotNow, "nothing is paused or suspended").withHint(hintGates)
			}
			return alreadySo(database, "neither paused nor suspended")
		}),
	}
}

// suspend is PgBouncer's, which has it for all databases only. Cancelled while it
// waits, it is undone.
func suspend(d Deps) command {
	return command{
		words: []string{"SUSPEND"},
		usage: "[database]",
		help:  "stop reading from clients, whatever they are doing, and pass on what was read; RESUME undoes it, and so does the last administrator who leaves the console",
		tag:   "SUSPEND",
		parse: onDatabase(d, optional, func(ctx context.Context, database string, progress func(string)) error {
			if d.Gates.Gate(database).Suspended {
				return alreadySo(database, "suspended already")
			}
			dropped, err := d.Gates.Suspend(ctx, database)
			if dropped > 0 {
				progress(fmt.Sprintf("clients disconnected because of suspend_timeout: %d", dropped))
			}
			if err != nil {
				return fmt.Errorf("the clients of %s were not suspended: %w", inWords(database), err)
			}
			return nil
		}),
	}
}
