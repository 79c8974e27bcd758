package admin

import "context"

// ShutdownMode says what an end of pgherd waits for.
type ShutdownMode int

const (
	ShutdownFast   ShutdownMode = iota // transactions may end within a limit, as with SIGTERM
	WaitForServers                     // transactions may end, however long they take
	WaitForClients                     // clients stay until they leave by themselves; nobody new is let in
)

func (m ShutdownMode) String() string {
	return [...]string{"SHUTDOWN", "SHUTDOWN WAIT_FOR_SERVERS", "SHUTDOWN WAIT_FOR_CLIENTS"}[m]
}

func shutdown(p Process) command {
	return command{
		words: []string{"SHUTDOWN"},
		usage: "[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS]",
		help: "end pgherd: nobody new is let in, and transactions may end within 30 s, with WAIT_FOR_SERVERS without a limit; " +
			"with WAIT_FOR_CLIENTS clients stay until they leave",
		tag: "SHUTDOWN",
		parse: func(a *args) (runFunc, error) {
			mode := ShutdownFast
			if a.try("WAIT_FOR_SERVERS") {
				mode = WaitForServers
			} else if a.try("WAIT_FOR_CLIENTS") {
				mode = WaitForClients
			}
			return func(context.Context, func(string)) ([][]any, error) {
				p.Shutdown(mode)
				return nil, nil
			}, a.end()
		},
	}
}
