package server

import (
	"context"
	"net"
	"slices"
)

// Console serves a client of the virtual database.
type Console interface {
	// Serve answers a client that is logged in and ready, until it leaves or ctx
	// ends. The connection is closed for it afterwards.
	Serve(ctx context.Context, c ConsoleClient) error
	// Describe is the columns of what Answer answers, all of type text, as a frame
	// (RowDescription or NoData). It does not block. Its error, as that of Answer,
	// is a *wire.Error.
	Describe(user, sql string) ([]byte, error)
	// Answer carries out one of the statements that Pgpool-II answers in any
	// session, as a user: notices, rows and CommandComplete, as frames.
	Answer(ctx context.Context, user, sql string) ([]byte, error)
}

// ConsoleClient is a client of the console.
type ConsoleClient struct {
	Conn     net.Conn
	User     string
	Database string
	Params   map[string]string // what it was told by ParameterStatus
	Canceled <-chan struct{}   // receives when a cancel request comes in
}

// consoleParameters are what drivers look for in any server.
var consoleParameters = map[string]string{
	"server_version": "15.0 (pgherd)", "server_encoding": "UTF8", "client_encoding": "UTF8",
	"DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "TimeZone": "UTC", "integer_datetimes": "on", "standard_conforming_strings": "on",
}

// administers reports whether an administrator asks for the console, whom max_clients
// does not keep out. That it is one is yet to be proved.
func (l *login) administers() bool {
	return l.console && slices.Contains(l.shard.srv.config().Admins, l.user)
}

// inConsole reports whether the client is one of the console. During the login it is
// not known yet.
func (s *session) inConsole() bool { return s.canceledConsole != nil }

// handOver passes a logged-in client to the console, on a goroutine of its own.
func (s *session) handOver() {
	srv := s.shard.srv
	conn, err := s.conn.Detach()
	if err != nil {
		srv.log.Error("cannot hand a client to the console", "error", err)
		s.close()
		return
	}
	loop := s.shard.loop
	commands := slices.Contains(srv.config().Admins, s.user)
	if commands {
		srv.commands.Add(1)
	}
	srv.consoles.Go(func() {
		defer loop.Post(s.closeDetached)
		if commands {
			defer srv.commanderLeft()
		}
		defer conn.Close()
		err := srv.console.Serve(srv.consoleCtx, ConsoleClient{conn, s.user, s.database, consoleParameters, s.canceledConsole})
		if err != nil {
			srv.log.Warn("console session failed", "user", s.user, "error", err)
		}
	})
}

// closeDetached is close for a session whose client went to the console.
func (s *session) closeDetached() {
	s.closed = true
	s.forget()
}
