package server

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/report"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// Clients is every client, but those of the console.
func (s *Server) Clients(ctx context.Context) ([]report.Client, error) {
	var all []report.Client
	err := s.eachSession(ctx, func(c *session) {
		if !c.inConsole() {
			all = append(all, c.report())
		}
	})
	if err != nil {
		return nil, err // a loop may still be adding to all
	}
	slices.SortFunc(all, func(a, b report.Client) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Servers is every connection to a node.
func (s *Server) Servers(ctx context.Context) ([]report.Server, error) {
	all := s.pools.Idle()
	err := s.eachSession(ctx, func(c *session) {
		if c.server != nil {
			r := c.server.Report()
			r.Client, r.Request = c.id, s.at(c.clock.leased)
			all = append(all, r)
		}
	})
	if err != nil {
		return nil, err
	}
	all = append(all, s.pools.Idle()...) // that were given back meanwhile
	slices.SortStableFunc(all, func(a, b report.Server) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b report.Server) bool { return a.ID == b.ID }), nil
}

// Routed is Routes in words.
func (s *Server) Routed() (list []report.Route) {
	for _, r := range s.Routes() {
		list = append(list, report.Route{Node: int(r.Node), Reason: r.Reason.String(), Count: r.Count})
	}
	return list
}

// Pools is every pool.
func (s *Server) Pools() []report.Pool { return s.pools.Reports() }

// counts sums the loops' tallies up, by database.
func (s *Server) counts(ctx context.Context) (map[string]report.Counts, error) {
	sum := map[string]report.Counts{}
	err := s.visit(ctx, func(sh *shard) {
		for database, t := range sh.tallies {
			c := sum[database]
			c.Add(t.Counts)
			sum[database] = c
		}
	})
	if err != nil {
		return nil, err // a loop may still be adding to sum
	}
	delete(sum, "") // of those who have not logged in
	return sum, nil
}

// Traffic is what was counted for each database that had clients.
func (s *Server) Traffic(ctx context.Context) ([]report.Traffic, error) {
	sum, err := s.counts(ctx)
	if err != nil {
		return nil, err
	}
	var all []report.Traffic
	for database, total := range sum {
		t := report.Traffic{Database: database, Total: total}
		t.Period, t.Length = s.periods.of(database)
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b report.Traffic) int { return strings.Compare(a.Database, b.Database) })
	return all, nil
}

func (s *session) report() report.Client {
	srv := s.shard.srv
	name, _ := s.settings.Lookup("application_name")
	r := report.Client{ID: s.id, Database: s.database, User: s.user, State: s.reportState(), Transaction: s.tx != wire.TxIdle,
		Connected: srv.at(s.clock.connected), Request: srv.at(s.clock.asked), ApplicationName: name, Prepared: len(s.prepared),
		Node: int(cluster.NoNode), Pin: s.keptFor(), Consistency: s.route.Consistency.String(), TokenPending: !s.route.Since.IsZero()}
	r.Host, r.Port = report.HostPort(s.conn.PeerAddr())
	r.LocalHost, r.LocalPort = report.HostPort(s.conn.LocalAddr())
	if s.server != nil {
		r.Server, r.Node = s.server.ID, int(s.server.Node())
	}
	if lsn := s.route.Token.LSN; lsn > 0 {
		r.Token = lsn.String()
	}
	if s.clock.waiting > 0 {
		r.Waited = max(srv.now()-s.clock.waiting, time.Microsecond)
	}
	if conn := s.conn.TLS(); conn != nil {
		r.TLS = pool.TLSName(conn.ConnectionState())
	}
	return r
}

// keptFor is why the session keeps its server between statements, in words: what lasts
// longest.
func (s *session) keptFor() string {
	switch {
	case s.server == nil:
		return ""
	case s.pin != sqlparse.PinNone:
		return s.pin.String()
	case s.keepsServer():
		return "pool mode session"
	case s.tx != wire.TxIdle:
		return "transaction"
	}
	return ""
}

func (s *session) reportState() report.ClientState {
	switch {
	case s.key == 0:
		return report.ClientLogin
	case s.clock.waiting > 0:
		return report.ClientWaiting
	case s.server != nil:
		return report.ClientActive
	}
	return report.ClientIdle
}
