package pool

import (
	"crypto/tls"
	"time"

	"github.com/pgherd/pgherd/internal/report"
)

// Reports tells how full each pool is.
func (p *Pools) Reports() []report.Pool {
	var all []report.Pool
	for _, pool := range p.all() {
		all = append(all, pool.report())
	}
	return all
}

func (p *Pool) report() report.Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := report.Pool{Node: int(p.key.Node), Database: p.key.Database, User: p.key.User,
		Active: p.leased, Dialing: p.dialing, Waiting: len(p.waiters)}
	for _, list := range p.idle {
		r.Idle += len(list)
	}
	r.Held = max(0, p.open-p.dialing-p.leased-r.Idle)
	if len(p.waiters) > 0 {
		r.Longest = time.Duration(p.tick()-p.waiters[0].since) * time.Second
	}
	return r
}

// Idle is the connections that nobody holds.
func (p *Pools) Idle() []report.Server {
	var all []report.Server
	for _, pool := range p.all() {
		all = append(all, pool.reportIdle()...)
	}
	return all
}

func (p *Pool) reportIdle() []report.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []report.Server
	for _, list := range p.idle {
		for _, s := range list {
			all = append(all, s.reportLocked())
		}
	}
	return all
}

// Report is for the connection's holder.
func (s *Server) Report() report.Server {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.reportLocked()
}

func (s *Server) reportLocked() report.Server {
	name, _ := s.Settings.Lookup("application_name")
	state := map[state]report.ServerState{idle: report.ServerIdle, held: report.ServerHeld, leased: report.ServerActive}[s.state]
	r := report.Server{ID: s.ID, Node: int(s.Key.Node), Database: s.Key.Database, User: s.Key.User, State: state, PID: s.PID,
		Connected: s.connected, ApplicationName: name, Prepared: s.Statements.Len(), Leases: s.leases,
		CloseNeeded: s.generation != s.pool.generation, LocalHost: s.localHost, LocalPort: s.localPort}
	if conn := s.Conn.TLS(); conn != nil {
		r.TLS = TLSName(conn.ConnectionState())
	}
	return r
}

// TLSName is how an encrypted connection is described: version and cipher.
func TLSName(c tls.ConnectionState) string {
	return tls.VersionName(c.Version) + "/" + tls.CipherSuiteName(c.CipherSuite)
}
