package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
)

// loginTimeout bounds everything up to the first ReadyForQuery
// (client_login_timeout).
func (s *Server) loginTimeout() time.Duration { return cmp.Or(s.config().LoginTimeout, time.Minute) }

// start is the handler of a new client: it runs until the client is logged in,
// has been refused, or turned out to be something else.
func (s *session) start(t *reactor.Task) {
	s.conn.Attach(t)
	srv := s.shard.srv
	l := &login{session: s, task: t, deadline: time.Now().Add(srv.loginTimeout()), proved: s.shard.logins.begin(s, srv.maxLogins())}
	ready := false
	defer func() {
		l.proved()
		if !ready {
			l.hangUp()
			s.close()
		}
	}()
	err := l.run()
	switch {
	case err != nil:
		if e := fatal(err); e != nil {
			s.say(wire.AppendError(nil, e))
		}
	case s.closed:
	case l.console:
		ready = true
		s.handOver()
	case l.direct != nil:
		ready = true
		l.startReplication()
	default:
		ready = true
		s.park()
	}
}

// login is a session's start-up in progress.
type login struct {
	*session
	task     *reactor.Task
	deadline time.Time
	proved   func() // it is one of logins no longer
	startup  wire.Startup
	version  uint32
	console  bool

	replication bool
	direct      *pool.Direct // for a replication connection
	failed      bool         // over, and in vain
}

func (l *login) run() error {
	if err := l.readStartup(); err != nil {
		return err
	}
	if l.startup.Code == wire.CancelRequest {
		l.shard.srv.cancels.fire(l.startup.PID, l.startup.Secret)
		return errTerminate
	}
	if err := l.checkEncryption(); err != nil {
		return err
	}
	if err := l.identify(); err != nil {
		return err
	}
	if l.shard.srv.full() && !l.administers() {
		return errTooManyClients(l.shard.srv.config().MaxClients)
	}
	if err := l.authenticate(); err != nil {
		return err
	}
	if err := l.admit(); err != nil {
		return err
	}
	if err := l.configure(); err != nil {
		return err
	}
	params, err := l.parameters()
	if err != nil {
		return err
	}
	if !l.console {
		l.tally = l.shard.tally(l.database) // there is such a database
	}
	return l.welcome(params)
}

// admit counts a client that has proved who it is.
func (l *login) admit() error {
	if err := l.enter(); err != nil || l.console {
		return err
	}
	if e := l.enterable(); e != nil {
		return e
	}
	if e := l.shard.srv.headcount.enter(l.database, l.user, l.profile); e != nil {
		return e
	}
	l.counted = true
	return nil
}

// readStartup reads packets until one is not a request for encryption. Nothing
// may follow such a request before its answer.
func (l *login) readStartup() error {
	for range 3 { // GSSENCRequest, SSLRequest, StartupMessage
		packet, err := l.readPacket()
		if err != nil {
			return err
		}
		if l.startup, err = wire.ParseStartup(packet); err != nil {
			return err
		}
		switch l.startup.Code {
		case wire.SSLRequest:
			err = l.answerSSL()
		case wire.GSSENCRequest:
			err = l.decline()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return wire.Violation("no start-up packet")
}

func (l *login) readPacket() ([]byte, error) {
	var head [4]byte
	if err := l.task.ReadFull(l.conn, head[:], l.deadline); err != nil {
		return nil, gone(err)
	}
	if head[0] == tlsHandshake && l.offersTLS() {
		if err := l.encrypt(head[:]); err != nil {
			return nil, err
		}
		return l.readPacket()
	}
	n, err := wire.StartupLen(head[:])
	if err != nil {
		return nil, err
	}
	packet := make([]byte, n)
	copy(packet, head[:])
	return packet, gone(l.task.ReadFull(l.conn, packet[4:], l.deadline))
}

// readMessage reads a frame of the authentication phase.
func (l *login) readMessage() ([]byte, error) {
	var head [wire.HeaderLen]byte
	if err := l.task.ReadFull(l.conn, head[:], l.deadline); err != nil {
		return nil, gone(err)
	}
	typ, size := wire.Peek(head[:])
	if typ != wire.Password || size < 0 || size > wire.MaxPassword {
		return nil, wire.Violation("message %q of %d bytes during authentication", typ, size)
	}
	body := make([]byte, size-wire.HeaderLen)
	return body, gone(l.task.ReadFull(l.conn, body, l.deadline))
}

func (l *login) write(b []byte) error { return gone(l.task.Write(l.conn, b, l.deadline)) }

// gone replaces what the socket said by what it means.
func gone(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, reactor.ErrTimeout):
		return wire.Fatalf("57P05", "login took longer than client_login_timeout")
	}
	return fmt.Errorf("%w: %w", errGone, err)
}

// identify reads who the client is and what it has come for.
func (l *login) identify() error {
	p := l.startup.Params
	l.user, l.database = p["user"], p["database"]
	if l.user == "" {
		return wire.Fatalf("28000", "no PostgreSQL user name specified in startup packet")
	}
	if l.database == "" {
		l.database = l.user
	}
	var err error
	if l.replication, err = wantsReplication(p); err != nil {
		return err
	}
	l.console = !l.replication && slices.Contains(l.shard.srv.config().ConsoleDatabases, l.database)
	if !l.console {
		l.profile = l.shard.srv.config().profileOf(l.database, l.user)
	}
	return nil
}

// configure reads what the client wants set. It comes after the proof of who it is: a
// start-up packet may hold a thousand settings, which are tens of milliseconds of work.
func (l *login) configure() error {
	if l.replication {
		return nil // what it sets is the server's business
	}
	initial, err := startupSettings(l.startup.Params)
	if err != nil {
		return err
	}
	for _, set := range initial.List() {
		if e := l.shard.srv.checkSetting(set.Name, set.Value); e != nil {
			return fatal(e)
		}
	}
	l.initial, l.settings = initial, initial
	l.judgeSettings()
	return nil
}

// parameters are what the client is told of the server's parameters. The first
// client of a database and user has a server connected for it; so has one whose
// settings the server must look at.
func (l *login) parameters() (map[string]string, error) {
	switch {
	case l.console:
		return consoleParameters, nil
	case l.replication:
		err := l.dialReplication()
		if err != nil {
			return nil, err
		}
		return l.direct.Params, nil
	}
	params := l.shard.srv.pools.Welcome(l.database, l.serverUser())
	if params == nil || l.needsCheck() {
		var err error
		if params, err = l.checkSettings(); err != nil {
			return nil, err
		}
	}
	l.base = pool.Reported(l.shard.srv.pools.Welcome(l.database, l.serverUser()))
	l.nodesIsolation = isolationNamed(params[pool.DefaultIsolation])
	l.judgeSettings()
	params = maps.Clone(params)
	delete(params, pool.DefaultIsolation)
	params["application_name"], _ = l.initial.Lookup("application_name")
	l.reported = pool.Reported(params)
	params["in_hot_standby"] = "off" // writes are possible here
	return params, nil
}

// needsCheck reports whether the client has set anything but its name, or gets a
// server for good.
func (l *login) needsCheck() bool {
	return l.keepsServer() || l.initial.Without("application_name") != pool.Settings{}
}

// checkSettings applies the client's settings to a server and returns what that
// one says about its parameters then. An error is the server's own.
func (l *login) checkSettings() (map[string]string, error) {
	u := l.shard.turn(l.session, l.task)
	l.turn = u
	defer func() {
		l.turn = nil
		l.shard.giveBack(u)
	}()
	return u.checkSettings()
}

// welcome tells the client that it is in.
func (l *login) welcome(params map[string]string) error {
	b := wire.AppendAuth(nil, wire.AuthOK, "")
	for _, name := range slices.Sorted(maps.Keys(params)) {
		b = wire.AppendParameterStatus(b, name, params[name])
	}
	secretLen := 4
	if l.version >= wire.Version32 {
		secretLen = 32
	}
	var secret []byte
	l.key, secret = l.shard.srv.cancels.add(l.pid(), secretLen, l.onCancel())
	b = wire.AppendKeyData(b, l.key, secret)
	if !l.console {
		l.shard.watchTime(l.session)
	}
	err := l.write(wire.AppendReady(b, wire.TxIdle))
	if !l.console {
		l.suspendNew()
	}
	return err
}

// pid is that of the server which the session keeps to its end, so that it can be
// found in pg_stat_activity, pg_locks and notifications; 0 if it keeps none.
func (l *login) pid() uint32 {
	if l.server == nil {
		return 0
	}
	return l.server.PID
}

// onCancel is what a cancel request for the session does, on any goroutine.
func (l *login) onCancel() func() {
	switch {
	case l.direct != nil:
		return l.direct.Cancel
	case !l.console:
		s := l.session
		return func() { s.shard.loop.Post(s.cancel) }
	}
	l.canceledConsole = make(chan struct{}, 1)
	c := l.canceledConsole
	return func() {
		select {
		case c <- struct{}{}:
		default: // one is pending
		}
	}
}
