package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// The origin is the node whose files are copied. It is the primary, or a standby that
// spares the primary the work. Whoever is copied, the node follows the primary, and
// that one's slot keeps the log.

// origin is what the picture knows of it.
func origin(s *cluster.Snapshot, primary cluster.NodeState, asked cluster.NodeID) cluster.NodeState {
	switch {
	case asked == cluster.NoNode:
		return primary
	case asked < 0 || int(asked) >= len(s.Nodes):
		return cluster.NodeState{Node: cluster.Node{ID: asked}}
	}
	return s.Nodes[asked]
}

func originObstacles(f Facts) []Obstacle {
	o := f.Origin.ID
	switch {
	case o == f.Primary.ID:
		return nil
	case o < 0 || int(o) >= f.Nodes:
		return one(fmt.Sprintf("node %d, the source, does not exist", o), fmt.Sprintf("nodes are numbered from 0 to %d", f.Nodes-1))
	case o == f.Node.ID:
		return one(fmt.Sprintf("node %d cannot be its own source", o), "name another node, or none for the primary")
	case !healthy(f.Origin):
		return one(fmt.Sprintf("node %d, the source, is %s and does not stream from the primary", o, f.Origin.Status),
			"name a standby that is in service, or none for the primary")
	case f.Copied != nil && f.Copied.ReplicationError != "":
		return one(fmt.Sprintf("node %d refuses a replication connection: %s", o, f.Copied.ReplicationError), allowReplication)
	}
	return nil
}

const allowReplication = "give the monitor user REPLICATION and a line for database replication in pg_hba.conf"

// rewindObstacles stand in the way of a rewind only.
func rewindObstacles(f Facts) []Obstacle {
	if f.Origin.ID != f.Primary.ID && f.Source.Major < 14 {
		return one(fmt.Sprintf("node %d is a standby, and pg_rewind of PostgreSQL %d takes a primary only", f.Origin.ID, f.Source.Major),
			"leave source out")
	}
	return append(slices.Clone(f.Source.LacksRewind), placeObstacles(f, unlinked(f.Target.Places))...)
}

// askOrigin asks the node to copy from what the primary was asked.
func (e *Engine) askOrigin(ctx context.Context, p *prepared) (err error) {
	p.facts.Copied = p.facts.Source
	if p.origin.ID != p.source.ID {
		p.facts.Copied, err = e.askSource(ctx, p.origin, p.node)
	}
	return err
}

// awaitOrigin has the standby that is to be copied replay what the primary has by now.
// The slot may keep no more than that, and what lay between would be missing.
func (r *repair) awaitOrigin(ctx context.Context) error {
	if r.origin.ID == r.source.ID {
		return nil
	}
	goal, err := r.engine.flushed(ctx, r.source)
	if err != nil {
		return err
	}
	return r.engine.with(ctx, r.origin, func(conn *pgx.Conn) error {
		return patiently(ctx, r.engine.cfg.Timeout, func() (bool, cluster.LSN, error) {
			s, err := probe(ctx, conn)
			if err == nil && !s.inRecovery {
				err = errors.New("it is a standby no longer")
			}
			return s.replayed >= goal, s.replayed, err
		})
	})
}

// slotOnOrigin is the slot by which the copy's own log is streamed; a standby's is a
// temporary one.
func (r *repair) slotOnOrigin() string {
	if r.origin.ID == r.source.ID {
		return r.node.SlotName()
	}
	return ""
}

// checkpoint has the origin's control file tell the primary's timeline.
func (r *repair) checkpoint(ctx context.Context) error {
	if err := r.checkpointOn(ctx, r.source); err != nil || r.origin.ID == r.source.ID {
		return err
	}
	if err := r.awaitOrigin(ctx); err != nil {
		return err
	}
	return r.checkpointOn(ctx, r.origin)
}

func (r *repair) checkpointOn(ctx context.Context, n cluster.Node) error {
	return r.engine.with(ctx, n, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CHECKPOINT")
		if rights.Denied(err) {
			return r.awaitCheckpoint(ctx, conn, n)
		}
		return err
	})
}

// awaitCheckpoint waits for the one that PostgreSQL makes by itself after a promotion,
// within checkpoint_timeout.
func (r *repair) awaitCheckpoint(ctx context.Context, conn *pgx.Conn, n cluster.Node) error {
	told := false
	return poll(ctx, func() (done bool, err error) {
		err = conn.QueryRow(ctx, "SELECT timeline_id = $1 FROM pg_control_checkpoint()", int32(r.facts.Source.Timeline)).Scan(&done)
		if err == nil && !done && !told {
			told = true
			r.job.say(fmt.Sprintf("waiting for the checkpoint of node %d after its promotion: %s may not make one", n.ID, r.engine.cfg.Monitor.User))
		}
		return done, err
	})
}
