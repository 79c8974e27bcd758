package server

import (
	"maps"
	"time"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
)

// onParameter notes what the server reports of a parameter (ParameterStatus). The
// client is told at the next ReadyForQuery, and only if it knows otherwise. One
// parameter tells of the node rather than of the session: in_hot_standby is always
// off here.
func (u *turn) onParameter(frame []byte) {
	name, value := parameter(frame)
	if server := u.session.server; string(name) != "in_hot_standby" {
		server.Reported = server.Reported.With(string(name), string(value))
	}
}

// parameter are the name and the value in a ParameterStatus.
func parameter(frame []byte) (name, value []byte) {
	name, rest, _ := wire.CString(frame[wire.HeaderLen:])
	value, _, _ = wire.CString(rest)
	return name, value
}

// reportParameters tells the client in what its server differs from what it has been
// told.
func (u *turn) reportParameters() {
	s := u.session
	if s.reported == s.server.Reported {
		return
	}
	u.detour()
	for _, e := range s.reported.Changes(s.server.Reported) {
		u.local = wire.AppendParameterStatus(u.local, e.Name, e.Value)
	}
	s.reported = s.server.Reported
}

// wanted is what must be set on a server for the session: its settings, and where
// the nodes' own configurations differ in how they talk to clients, what the client
// was told at login.
func (s *session) wanted(server *pool.Server) pool.Settings {
	if s.base == server.Base || s.base == (pool.Settings{}) {
		return s.settings
	}
	want := s.settings
	for _, e := range server.Base.Changes(s.base) {
		if name, ok := dialect(e.Name); ok {
			want = want.Over(pool.Settings{}.With(name, e.Value))
		}
	}
	return want
}

// dialect knows the reported parameters that change what texts and values mean.
func dialect(reported string) (name string, ok bool) {
	switch reported {
	case "DateStyle":
		return "datestyle", true
	case "IntervalStyle":
		return "intervalstyle", true
	case "TimeZone":
		return "timezone", true
	case "client_encoding", "standard_conforming_strings", "search_path":
		return reported, true
	}
	return "", false
}

// synchronise gives the server the session's settings, in front of the batch.
func (u *turn) synchronise() {
	s := u.session
	want := s.wanted(s.server)
	sql := s.server.Settings.Difference(want)
	if sql == "" {
		return
	}
	u.request = wire.AppendQuery(u.request, sql)
	u.replies.push(expected{request: reqQuery, visibility: hidden})
	u.replies.boundary = true
	s.server.Settings = want
}

// checkSettings is synchronise at login: it waits for the answer and returns the
// parameters that the server reports.
func (u *turn) checkSettings() (map[string]string, error) {
	s := u.session
	if err := u.leaseForLogin(); err != nil {
		return nil, err
	}
	params, err := u.collectParameters()
	if err != nil {
		s.dropServer()
		return nil, err
	}
	u.replies.clear()
	u.request = u.request[:0]
	if !s.keepsServer() {
		u.release()
	}
	return params, nil
}

func (u *turn) leaseForLogin() error {
	l := leasing{turn: u, need: routing.Write}
	server, err := l.find()
	if err != nil {
		return err
	}
	u.session.take(server, l.route)
	server.Conn.Attach(u.task)
	u.synchronise()
	return nil
}

// collectParameters sends the settings, if there are any, and returns what the server
// says of its parameters then.
func (u *turn) collectParameters() (map[string]string, error) {
	s := u.session
	params := map[string]string{}
	maps.Copy(params, s.shard.srv.pools.Welcome(s.database, s.serverUser()))
	if len(u.request) == 0 {
		return params, nil
	}
	_, err := u.exchange(u.request, s.shard.srv.loginTimeout(), func(frame []byte) {
		name, value := parameter(frame)
		params[string(name)] = string(value)
		u.onParameter(frame)
	})
	return params, err
}

// exchange has the server carry out a request while nothing else is under way, and
// waits for the ReadyForQuery that ends the answer. noted is called with each
// ParameterStatus in it. After an error, which may be the server's own (*wire.Error),
// the server must be dropped: more of its answer may come.
func (u *turn) exchange(request []byte, timeout time.Duration, noted func(frame []byte)) (wire.TxStatus, error) {
	deadline := time.Now().Add(timeout)
	if err := u.task.Write(u.session.server.Conn, request, deadline); err != nil {
		return 0, err
	}
	for {
		frame, err := u.readReply(deadline)
		if err != nil {
			return 0, err
		}
		switch frame[0] {
		case wire.ErrorResponse:
			return 0, wire.ParseError(frame[wire.HeaderLen:])
		case wire.ParameterStatus:
			noted(frame)
		case wire.ReadyForQuery:
			return wire.ParseReady(frame)
		}
	}
}
