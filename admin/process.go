package admin

import (
	"cmp"
	"context"
)

// Process is what the console needs of the program itself.
type Process interface {
	// Reload reads the configuration file again. Notes say what it changed; an
	// error means that nothing has changed.
	Reload() (notes []string, err error)
	// PendingRestart is the keys of the file that have been changed, but are only read
	// when pgherd starts (pg_settings.pending_restart).
	PendingRestart() []string
	// CheckConfig reads it for its mistakes alone.
	CheckConfig() error
	// Set changes one key until the next Reload, in the form of the file. Its notes
	// and errors are those of Reload.
	Set(key, value string) (notes []string, err error)
	// RotateLog opens the log file again and tells its name, "" for stderr. An error
	// means that the log goes on where it was.
	RotateLog() (file string, err error)
	// Shutdown begins to end the program and returns at once. It may be called again
	// with less patience.
	Shutdown(mode ShutdownMode)
}

func reload(p Process) command {
	return command{
		words: []string{"RELOAD"},
		help:  "read the configuration file again; a mistake in it changes nothing",
		tag:   "RELOAD",
		parse: nothingMore(func(_ context.Context, progress func(string)) ([][]any, error) {
			notes, err := p.Reload()
			for _, note := range notes {
				progress(note)
			}
			if err != nil {
				err = newError(codeConfigFile, "the configuration was not reloaded: %s", err.Error()).
					withHint("%s", cmp.Or(asSQLError(err).hint, "nothing has changed: mend the file and RELOAD again"))
			}
			return nil, err
		}),
	}
}
