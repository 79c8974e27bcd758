package server

import (
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// Reset is how a server forgets the session that it was given to.
type Reset struct {
	Query  string // server_reset_query; "" closes the server instead
	Always bool   // server_reset_query_always: after each transaction, too
}

// discardAll is the only reset that is known to end what pins a session.
const discardAll = "DISCARD ALL"

// resetTimeout is how long a server may take to forget a session.
const resetTimeout = 5 * time.Second

// errNotReusable says that a server's session has not come to an end in order.
var errNotReusable = errors.New("the session has left it in the middle of something")

// recycle makes the server that a session leaves behind as good as new, if it is
// in order, and returns it.
func (u *turn) recycle() {
	s := u.session
	if s.server == nil || s.tx != wire.TxIdle || !u.replies.empty() || !u.replies.boundary || len(u.request) > 0 {
		return
	}
	query := discardAll
	if s.keepsServer() {
		query = s.shard.srv.config().Reset.Query
	}
	u.releaseReset(query)
}

// releaseReset returns the server after it has carried out query, and closes it if
// it has not.
func (u *turn) releaseReset(query string) {
	s := u.session
	if err := u.reset(query); err != nil {
		if err != errNotReusable {
			s.shard.srv.log.Warn("server_reset_query failed, the server is closed", "node", int(s.server.Node()), "error", err)
		}
		s.dropServer()
		return
	}
	s.server.Settings = pool.Settings{}
	s.server.Statements.Clear()
	u.release()
}

// reset has the server carry out query, and waits for it.
func (u *turn) reset(query string) error {
	u.resetting = true
	defer func() { u.resetting = false }()
	u.detour() // what the client has yet to get
	if query == "" || len(u.reply.data()) > 0 {
		return errNotReusable
	}
	status, err := u.exchange(wire.AppendQuery(nil, query), resetTimeout, u.onParameter)
	if err == nil && status != wire.TxIdle {
		return errNotReusable
	}
	return err
}
