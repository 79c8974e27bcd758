package pool

import (
	"context"
	"io"

	"github.com/pgherd/pgherd/internal/wire"
)

// Cancel asks the node to cancel what s is running. The caller holds s. Until
// the request is done, s is not handed to anybody else, so that it never hits
// the next one's query.
func (p *Pools) Cancel(s *Server) {
	s.pool.mu.Lock()
	s.cancels++
	s.pool.mu.Unlock()
	p.work.Go(func() {
		if err := p.sendCancel(s); err != nil {
			p.log.Warn("cancel request failed", "node", s.Key.Node, "pid", s.PID, "error", err)
		}
		s.pool.cancelled(s)
	})
}

func (p *Pools) sendCancel(s *Server) error {
	ctx, stop := context.WithTimeout(p.ctx, p.config().ConnectTimeout)
	defer stop()
	e := plain
	if s.Conn.TLS() != nil {
		e = always // the key is as secret as the connection
	}
	conn, release, err := p.dial(ctx, s.Key.Node, e)
	if err != nil {
		return err
	}
	defer conn.socket.Close()
	defer release()
	if _, err := conn.Write(wire.AppendCancel(nil, s.PID, s.secret)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1)) // the node closes when the signal is sent
	if err == io.EOF {
		return nil
	}
	return err
}

// cancelled lets go of a server that came back during the request.
func (p *Pool) cancelled(s *Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.cancels--
	if s.cancels > 0 || s.state != held {
		return
	}
	p.leaseLocked(s)
	post(s.Conn.Loop(), func() { p.Release(s) })
}
