package pool

import (
	"context"
	"crypto/tls"
	"io"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/wire"
)

// Cancel asks the node to cancel what s is running. The caller holds s. Until
// the request is done, s is not handed to anybody else, so that it never hits
// the next one's query. Of a storm of requests one is sent at a time, and once
// more for those that came meanwhile.
func (p *Pools) Cancel(s *Server) {
	s.pool.mu.Lock()
	first := s.cancels == 0
	s.cancels = min(s.cancels+1, 2)
	s.pool.mu.Unlock()
	if !first {
		return
	}
	p.work.Go(func() {
		for again := true; again; again = s.pool.cancelled(s) {
			p.sendCancel(s.Key.Node, p.likewise(s.Conn.TLS()), s.PID, s.secret)
		}
	})
}

// likewise is the encryption of a cancel request: its key is as secret as the
// connection.
func (p *Pools) likewise(c *tls.Conn) encryption {
	switch {
	case c == nil:
		return plain
	case p.config().TLS.Direct:
		return direct
	}
	return always
}

// sendCancel asks the node on a connection as private as the one it is about.
func (p *Pools) sendCancel(node cluster.NodeID, e encryption, pid uint32, secret []byte) {
	if err := p.trySendCancel(node, e, pid, secret); err != nil {
		p.log.Warn("cancel request failed", "node", node, "pid", pid, "error", err)
	}
}

func (p *Pools) trySendCancel(node cluster.NodeID, e encryption, pid uint32, secret []byte) error {
	ctx, stop := context.WithTimeout(p.ctx, p.config().ConnectTimeout)
	defer stop()
	conn, release, err := p.dial(ctx, node, e)
	if err != nil {
		return err
	}
	defer conn.socket.Close()
	defer release()
	if _, err := conn.Write(wire.AppendCancel(nil, pid, secret)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1)) // the node closes when the signal is sent
	if err == io.EOF {
		return nil
	}
	return err
}

// cancelled reports whether to send another request. It lets go of a server that
// came back meanwhile.
func (p *Pool) cancelled(s *Server) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.state == leased {
		s.cancels--
		return s.cancels > 0
	}
	s.cancels = 0
	if s.state == held {
		p.leaseLocked(s)
		post(s.Conn.Loop(), func() { p.Release(s) })
	}
	return false
}
