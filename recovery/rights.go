package recovery

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// askRights finds out what the monitor's account lacks on the node to copy from.
func (e *Engine) askRights(ctx context.Context, conn *pgx.Conn, n cluster.Node, s *Source) error {
	lacks, err := rights.Ask(ctx, conn)
	if err != nil {
		return err
	}
	s.Lacks = e.lacking(n, lacks.For(rights.Watch, rights.Copy), "")
	s.LacksRewind = e.lacking(n, lacks.For(rights.Rewind), " for pg_rewind")
	for i := range s.LacksRewind {
		s.LacksRewind[i].Hint += " Or ask for REBUILD."
	}
	return nil
}

func (e *Engine) lacking(n cluster.Node, lacks rights.Missing, what string) []Obstacle {
	if len(lacks) == 0 {
		return nil
	}
	as := e.cfg.Monitor
	return one(fmt.Sprintf("on node %d, %s%s", n.ID, lacks.Problem(as.User), what), lacks.Remedy(as.User, as.Database))
}
