package admin

import "context"

func reconnect(d Deps) command {
	return command{
		words: []string{"RECONNECT"},
		usage: "[database]",
		help:  "replace every connection to the nodes as soon as its client gives it back; WAIT_CLOSE waits for that",
		tag:   "RECONNECT",
		parse: onDatabase(d, optional, func(_ context.Context, database string, _ func(string)) error {
			d.Gates.Reconnect(database)
			return nil
		}),
	}
}

func waitClose(d Deps) command {
	return command{
		words: []string{"WAIT_CLOSE"},
		usage: "[database]",
		help:  "wait until the connections that RECONNECT replaces are closed",
		tag:   "WAIT_CLOSE",
		parse: onDatabase(d, optional, func(ctx context.Context, database string, progress func(string)) error {
			progress(serversInUse(d.Traffic, database))
			return d.Gates.Renewed(ctx, database)
		}),
	}
}
