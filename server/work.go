package server

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/report"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// works counts what each node was asked to do by the sessions of one loop, and
// how often it failed; only that loop touches it.
type works []report.Work

// asked counts a statement on the session's server, of a text with several the
// first.
func (u *turn) asked(f *sqlparse.Facts) {
	w := &u.session.shard.works[u.session.server.Node()]
	switch f.Kind {
	case sqlparse.Select:
		w.Selects++
	case sqlparse.Insert:
		w.Inserts++
	case sqlparse.Update:
		w.Updates++
	case sqlparse.Delete:
		w.Deletes++
	case sqlparse.DDL, sqlparse.Merge, sqlparse.CopyFrom, sqlparse.CopyTo, sqlparse.Call, sqlparse.Do, sqlparse.Unknown:
		w.DDL++ // Pgpool-II counts here what it has no other place for
	case sqlparse.Empty:
	default:
		w.Others++
	}
}

// toldOf counts an error that the session's server has told.
func (u *turn) toldOf(e *wire.Error) {
	w := &u.session.shard.works[u.session.server.Node()]
	switch e.Severity {
	case "PANIC":
		w.Panics++
	case wire.SeverityFatal:
		w.Fatals++
	default:
		w.Errors++
	}
}

// Works is what each node was asked to do since the start, by number.
func (s *Server) Works(ctx context.Context) ([]report.Work, error) {
	sum := make(works, cluster.MaxNodes)
	err := s.visit(ctx, func(sh *shard) {
		for i, w := range sh.works {
			sum[i].Add(w)
		}
	})
	if err != nil {
		return nil, err // a loop may still be adding to sum
	}
	return sum, nil
}
