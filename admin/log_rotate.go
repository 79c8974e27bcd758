package admin

import "context"

// logRotate is for those who have moved the log file away. stderr is kept by whoever reads
// it: systemd, a container, a shell.
func logRotate(p Process) command {
	return command{
		words: []string{"LOG", "ROTATE"},
		help:  "open the log file (log.file) again, after it was moved away",
		tag:   "LOG ROTATE",
		parse: nothingMore(func(_ context.Context, progress func(string)) ([][]any, error) {
			file, err := p.RotateLog()
			if err != nil {
				return nil, newError(codeSystem, "%s", err.Error()).withHint("the log goes on in the file that was open before")
			}
			if file == "" {
				return nil, newError(codeNotNow, "pgherd logs to stderr and has no file to rotate").
					withHint("who keeps stderr rotates it (systemd, a container); or set log.file, and restart pgherd")
			}
			progress("the log goes on in " + file)
			return nil, nil
		}),
	}
}
