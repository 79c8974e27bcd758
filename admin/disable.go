package admin

import "context"

func disable(d Deps) command {
	return command{
		words: []string{"DISABLE"},
		usage: "database",
		help:  "refuse new clients of a database; present ones stay",
		tag:   "DISABLE",
		parse: onDatabase(d, required, func(_ context.Context, database string, _ func(string)) error {
			if !d.Gates.Disable(database) {
				return alreadySo(database, "disabled already")
			}
			return nil
		}),
	}
}

func enable(d Deps) command {
	return command{
		words: []string{"ENABLE"},
		usage: "database",
		help:  "let new clients in again after DISABLE",
		tag:   "ENABLE",
		parse: onDatabase(d, required, func(_ context.Context, database string, _ func(string)) error {
			if !d.Gates.Enable(database) {
				return alreadySo(database, "not disabled")
			}
			return nil
		}),
	}
}
