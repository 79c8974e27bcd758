package server

import (
	"cmp"
	"time"

	"github.com/pgherd/pgherd/internal/config"
)

// Profile is what applies to the sessions of one user on one database. The
// names are PgBouncer's; 0 is no limit.
type Profile struct {
	Mode               config.PoolMode // as of the login
	User               string          // who logs in to the nodes; "" = the client's own name
	Database           string          // its name on the nodes; "" = as the client asks for it
	Consistency        config.Consistency
	MaxDatabaseClients int // max_db_client_connections
	MaxUserClients     int // max_user_client_connections

	QueryWaitTimeout       time.Duration
	QueryTimeout           time.Duration
	TransactionTimeout     time.Duration
	IdleTransactionTimeout time.Duration
	ClientIdleTimeout      time.Duration
}

// profileOf finds what applies to a session.
func (c *Config) profileOf(database, user string) *Profile {
	if c.Profile == nil {
		return &Profile{Mode: c.Mode, QueryWaitTimeout: c.QueryWaitTimeout, Consistency: c.Consistency}
	}
	p := c.Profile(database, user)
	return &p
}

// shortest is the least timeout that sweeps look after; 0 when there is none.
func (p *Profile) shortest() (least time.Duration) {
	for _, t := range [...]time.Duration{p.QueryTimeout, p.TransactionTimeout, p.IdleTransactionTimeout, p.ClientIdleTimeout} {
		if t > 0 && (least == 0 || t < least) {
			least = t
		}
	}
	return least
}

// nodeDatabase is the name of the session's database on the nodes.
func (s *session) nodeDatabase() string { return cmp.Or(s.profile.Database, s.database) }

// serverUser is whose pool the session uses.
func (s *session) serverUser() string { return cmp.Or(s.profile.User, s.user) }

func (s *Server) config() *Config { return s.current.Load() }

// Configure takes a new configuration over: timeouts at once, the pool mode and
// the user for the nodes for sessions that begin.
func (s *Server) Configure(c Config) {
	s.current.Store(&c)
	s.group.Loops()[0].Post(func() {
		for _, l := range s.listeners {
			c.TCP.Apply(l.fd)
		}
	})
	for _, sh := range s.shards {
		sh.loop.Post(sh.reconfigure)
	}
}

func (sh *shard) reconfigure() {
	c := sh.srv.config()
	for s := range sh.sessions {
		if s.profile == nil {
			continue // not that far yet
		}
		next := c.profileOf(s.database, s.user)
		next.Mode, next.User = s.profile.Mode, s.profile.User
		s.profile = next
		s.steer()
		sh.watchTime(s)
	}
}
