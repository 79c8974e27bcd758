package server

import (
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// wantsReplication reads the start-up parameter replication, a boolean or
// "database" (protocol, "Streaming Replication Protocol").
func wantsReplication(params map[string]string) (bool, error) {
	value, given := params["replication"]
	v := strings.ToLower(value)
	switch {
	case !given:
		return false, nil
	case v == "database", v == "on", v == "1", isPrefix(v, "true"), isPrefix(v, "yes"):
		return true, nil
	case v == "off", v == "of", v == "0", isPrefix(v, "false"), isPrefix(v, "no"):
		return false, nil
	}
	return false, wire.Fatalf("22023", "invalid value for parameter %q: %q", "replication", value).
		WithHint(`Valid values are: "false", 0, "true", 1, "database".`)
}

func isPrefix(s, of string) bool { return s != "" && strings.HasPrefix(of, s) }

// dialReplication connects the client to the primary, on a connection of its own.
func (l *login) dialReplication() error {
	srv := l.shard.srv
	node := srv.board.Current().Writable()
	if node == cluster.NoNode {
		return errNoPrimary()
	}
	var params []string
	for name, value := range l.startup.Params {
		if name != "user" && name != "database" {
			params = append(params, name, value)
		}
	}
	key := pool.Key{Node: node, Database: l.database, User: l.user}
	var failure error
	l.task.Await(func() {
		d, err := srv.pools.DialDirect(key, params...)
		l.shard.loop.Post(func() { failure = l.connected(d, err) })
	})
	return failure
}

// connected takes the outcome of the dial, for which the login may not have
// waited if the loop ends.
func (l *login) connected(d *pool.Direct, err error) error {
	if err != nil {
		return toClient(err)
	}
	l.direct = d
	if l.failed {
		l.hangUp()
	}
	return nil
}

// hangUp closes the server that a login in vain was given.
func (l *login) hangUp() {
	l.failed = true
	if l.direct != nil {
		l.direct.Conn.Close()
	}
}

// startReplication takes a welcomed client off the loop: from here on, two
// goroutines pass bytes.
func (l *login) startReplication() {
	s, srv := l.session, l.shard.srv
	conn, err := s.conn.Detach()
	if err != nil {
		srv.log.Error("cannot pass on a replication connection", "error", err)
		l.direct.Conn.Close()
		s.close()
		return
	}
	r := &replication{owner: &srv.replications, session: s.id, client: conn, server: l.direct}
	loop := s.shard.loop
	srv.replications.run(r, func() { loop.Post(s.closeDetached) })
	if srv.board.Current().Primary != r.server.Node() { // it changed meanwhile
		srv.replications.sever(r.server.Node())
	}
}

// replications are the connections that are passed on as they are, one server
// for one client.
type replications struct {
	work sync.WaitGroup

	mu       sync.Mutex // guards what follows, and the phases
	open     map[*replication]struct{}
	draining bool
}

// run passes bytes until either side ends; then it calls done.
func (all *replications) run(r *replication, done func()) {
	all.mu.Lock()
	if all.open == nil {
		all.open = map[*replication]struct{}{}
	}
	all.open[r] = struct{}{}
	all.mu.Unlock()
	all.work.Go(func() {
		defer done()
		r.relay()
		all.mu.Lock()
		defer all.mu.Unlock()
		delete(all.open, r)
		all.settleLocked()
	})
}

// sever ends the connections to a node.
func (all *replications) sever(node cluster.NodeID) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for r := range all.open {
		if r.server.Node() == node {
			r.cut()
		}
	}
}

// end ends that of a session.
func (all *replications) end(session uint64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for r := range all.open {
		if r.session == session {
			r.cut()
		}
	}
}

// drain lets base backups finish, and ends what would go on for ever.
func (all *replications) drain() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.draining = true
	all.settleLocked()
}

// settleLocked ends those that stream when they are the last: a base backup has
// two connections, and needs both.
func (all *replications) settleLocked() {
	if !all.draining {
		return
	}
	for r := range all.open {
		if r.phase != streaming {
			return
		}
	}
	for r := range all.open {
		r.cut()
	}
}

// close ends all and waits for them.
func (all *replications) close() {
	all.mu.Lock()
	for r := range all.open {
		r.cut()
	}
	all.mu.Unlock()
	all.work.Wait()
}

func (all *replications) enter(r *replication, p replicationPhase) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if r.phase != p {
		r.phase = p
		all.settleLocked()
	}
}

// replication is one client and its server.
type replication struct {
	owner   *replications
	session uint64 // its id
	client  net.Conn
	server  *pool.Direct
	frames  frameReader      // of what the server says
	phase   replicationPhase // guarded by owner.mu
}

type replicationPhase int

const (
	commanding replicationPhase = iota // commands and base backups: they end
	streaming                          // CopyBoth: it does not
)

// lastWords is how long a client may take to read why it is cut off.
const lastWords = time.Second

// cut makes relay end, from any goroutine.
func (r *replication) cut() {
	_ = r.client.SetWriteDeadline(time.Now().Add(lastWords))
	_ = r.server.Conn.SetReadDeadline(time.Unix(1, 0))
}

// relay passes bytes both ways until either side ends.
func (r *replication) relay() {
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = copyBytes(r.server.Conn, r.client, func([]byte) {})
		r.server.Conn.Close()
	})
	err := copyBytes(r.client, r.server.Conn, r.note)
	if errors.Is(err, os.ErrDeadlineExceeded) && r.frames.between() {
		_, _ = r.client.Write(wire.AppendError(nil, errShutdown()))
	}
	r.client.Close()
	wg.Wait()
	r.server.Conn.Close()
}

// note follows what the server says.
func (r *replication) note(b []byte) {
	r.frames.read(b, func(typ byte) {
		switch typ {
		case wire.CopyBothResponse:
			r.owner.enter(r, streaming)
		case wire.CopyDone, wire.ReadyForQuery:
			r.owner.enter(r, commanding)
		}
	})
}

// copyBytes shows everything to see before it goes on.
func copyBytes(to, from net.Conn, see func([]byte)) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			see(buf[:n])
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// frameReader finds the headers in a stream of frames that comes in pieces.
type frameReader struct {
	head [wire.HeaderLen]byte
	have int // of head
	left int // of the frame's body
}

// between reports whether the stream is at the end of a frame.
func (f *frameReader) between() bool { return f.have == 0 && f.left == 0 }

func (f *frameReader) read(b []byte, begin func(typ byte)) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			b, f.left = b[n:], f.left-n
			continue
		}
		n := copy(f.head[f.have:], b)
		b = b[n:]
		if f.have += n; f.have == wire.HeaderLen {
			typ, size := wire.Peek(f.head[:])
			f.have, f.left = 0, max(0, size-wire.HeaderLen)
			begin(typ)
		}
	}
}
