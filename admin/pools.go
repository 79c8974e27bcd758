package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/pgherd/pgherd/internal/report"
)

// pools has the 17 columns of PgBouncer 1.25: a row for each database and user,
// whose pools on all nodes are added up.
func pools(d Deps) view {
	return view{
		name: "pools", help: "clients and servers of each database and user", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("database:s user:s cl_active:i cl_waiting:i cl_active_cancel_req:i cl_waiting_cancel_req:i sv_active:i " +
			"sv_active_cancel:i sv_being_canceled:i sv_idle:i sv_used:i sv_tested:i sv_login:i maxwait:i maxwait_us:i pool_mode:s " +
			"load_balance_hosts:s"),
		rows: func(ctx context.Context) ([][]any, error) {
			sums, err := poolSums(ctx, d.Traffic)
			var rows [][]any
			for _, s := range sums {
				scope := d.Config().Scope(s.Database, s.User)
				seconds := s.Longest.Truncate(time.Second)
				rows = append(rows, []any{s.Database, s.User, s.clients - s.waiting, s.waiting, 0, 0, s.Active, 0, s.Held, s.Idle, 0, 0,
					s.Dialing, int(seconds.Seconds()), (s.Longest - seconds).Microseconds(), scope.Effective().Mode.String(), nil})
			}
			return rows, err
		},
	}
}

// poolSum is the pools of a database and user on all nodes, and their clients.
type poolSum struct {
	report.Pool
	clients, waiting int
}

func poolSums(ctx context.Context, t Traffic) ([]*poolSum, error) {
	clients, err := t.Clients(ctx)
	if err != nil {
		return nil, err
	}
	var list []*poolSum
	sums := map[[2]string]*poolSum{}
	of := func(database, user string) *poolSum {
		key := [2]string{database, user}
		if sums[key] == nil {
			sums[key] = &poolSum{Pool: report.Pool{Database: database, User: user}}
			list = append(list, sums[key])
		}
		return sums[key]
	}
	for _, p := range t.Pools() {
		of(p.Database, p.User).add(p)
	}
	for _, c := range clients {
		if c.State != report.ClientLogin {
			of(c.Database, c.User).join(c)
		}
	}
	slices.SortFunc(list, func(a, b *poolSum) int {
		return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.User, b.User))
	})
	return list, nil
}

func (s *poolSum) add(p report.Pool) {
	s.Idle += p.Idle
	s.Active += p.Active
	s.Held += p.Held
	s.Dialing += p.Dialing
}

func (s *poolSum) join(c report.Client) {
	s.clients++
	if c.State == report.ClientWaiting {
		s.waiting++
		s.Longest = max(s.Longest, c.Waited)
	}
}
