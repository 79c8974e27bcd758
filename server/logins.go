package server

import "container/list"

// fewestLogins is how many clients may be logging in, however small max_clients is.
const fewestLogins = 100

// logins are the clients of a loop that have yet to prove who they are, in the order
// in which they came. They don't count in max_clients, so that nobody keeps others out
// by saying nothing; there may be as many of them, and then the one that has taken
// longest makes room for the next.
type logins struct{ list.List }

// begin adds a client. end, which may be called again, says that it has proved who it
// is, or has gone.
func (l *logins) begin(s *session, most int) (end func()) {
	place := l.PushBack(s)
	if l.Len() > most {
		l.cutOldest()
	}
	return func() { l.Remove(place) }
}

// cutOldest has its client's login fail, if there is one.
func (l *logins) cutOldest() {
	if oldest := l.Front(); oldest != nil {
		l.Remove(oldest)
		oldest.Value.(*session).conn.Shutdown()
	}
}

// maxLogins is a loop's share.
func (s *Server) maxLogins() int {
	return (max(s.config().MaxClients, fewestLogins) + len(s.shards) - 1) / len(s.shards)
}

// full reports whether as many clients have logged in as may.
func (s *Server) full() bool { return int(s.entered.Load()) >= s.config().MaxClients }

// enter counts a client that has proved who it is. An administrator of the console
// gets in when the house is full.
func (l *login) enter() error {
	srv := l.shard.srv
	l.proved()
	l.entered = true
	if n := srv.entered.Add(1); int(n) > srv.config().MaxClients && !l.administers() {
		return errTooManyClients(srv.config().MaxClients)
	}
	return nil
}
