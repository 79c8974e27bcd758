package server

import (
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// onParameter notes what the server reports of a parameter (ParameterStatus). The
// client is told at the next ReadyForQuery, and only if it knows otherwise. One
// parameter tells of the node rather than of the session: in_hot_standby is always
// off here.
func (u *turn) onParameter(frame []byte) {
	name, rest, _ := wire.CString(frame[wire.HeaderLen:])
	value, _, _ := wire.CString(rest)
	if server := u.session.server; string(name) != "in_hot_standby" {
		server.Reported = server.Reported.With(string(name), string(value))
	}
}

// report tells the client in what its server differs from what it has been told.
func (u *turn) report() {
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
