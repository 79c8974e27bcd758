package admin

import "context"

// logRotate has nothing to do: pgherd writes to stderr, and whoever reads that
// (systemd, a container, a shell) keeps the files.
func logRotate() command {
	return command{
		words: []string{"LOG", "ROTATE"},
		help:  "nothing: pgherd logs to stderr, and who keeps that rotates it",
		tag:   "LOG ROTATE",
		parse: nothingMore(func(_ context.Context, progress func(string)) ([][]any, error) {
			progress("pgherd logs to stderr and has no file to rotate")
			return nil, nil
		}),
	}
}
