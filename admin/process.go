package admin

import "context"

// Process is what the console needs of the program itself.
type Process interface {
	// Reload reads the configuration file again. Notes say what it changed; an
	// error means that nothing has changed.
	Reload() (notes []string, err error)
	// CheckConfig reads it for its mistakes alone.
	CheckConfig() error
	// Shutdown begins to end the program, as SIGTERM does, and returns at once.
	Shutdown()
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
				err = newError(codeConfigFile, "the configuration was not reloaded: %s", err.Error())
			}
			return nil, err
		}),
	}
}

func shutdown(p Process) command {
	return command{
		words: []string{"SHUTDOWN"},
		help:  "end pgherd when its clients have finished, as SIGTERM does",
		tag:   "SHUTDOWN",
		parse: nothingMore(func(context.Context, func(string)) ([][]any, error) {
			p.Shutdown()
			return nil, nil
		}),
	}
}
