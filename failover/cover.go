package failover

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/sql"
)

// coverage finds out until when the primary shows all that each standby had shown,
// while sessions need to know. It looks at the primary's running transactions, and
// once at the standbys' if some run on. One goroutine has it.
type coverage struct {
	config Config
	board  *cluster.Board
	log    hclog.Logger

	conns  []*pgx.Conn // by node; nil for none
	epoch  cluster.Epoch
	doubts []doubt // by node
	last   time.Time
	rest   time.Duration // between two looks
}

func newCoverage(c Config, board *cluster.Board, log hclog.Logger) *coverage {
	return &coverage{config: c, board: board, log: log, conns: make([]*pgx.Conn, cluster.MaxNodes), doubts: make([]doubt, cluster.MaxNodes)}
}

func (c *coverage) run(ctx context.Context) {
	defer c.close()
	for ctx.Err() == nil {
		now := c.board.Current()
		if now.Epoch != c.epoch {
			c.close()
			c.epoch, c.doubts = now.Epoch, make([]doubt, len(c.doubts))
		}
		if now.Primary == cluster.NoNode || !c.needed() {
			c.await(ctx, idlePoll)
			continue
		}
		if !host.Sleep(ctx, time.Until(c.last.Add(c.rest))) {
			return
		}
		c.look(ctx, now)
	}
}

func (c *coverage) needed() bool {
	for id := range c.board.Current().Nodes {
		if c.board.CoverNeeded(cluster.NodeID(id), c.epoch) {
			return true
		}
	}
	return false
}

// await returns when somebody asks, or some time later.
func (c *coverage) await(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-c.board.CoverDemand():
	}
}

// look takes one look at the primary.
func (c *coverage) look(ctx context.Context, now *cluster.Snapshot) {
	began := time.Now()
	c.last = began
	running, err := c.running(ctx, now.Primary)
	if err != nil {
		c.rest = failedPoll
		if ctx.Err() == nil {
			c.log.Debug("running transactions not known", "node", now.Primary, "error", err)
		}
		return
	}
	c.rest = min(max(2*c.rest, needPoll), slowPoll)
	for id := range now.Nodes {
		if node := cluster.NodeID(id); node != now.Primary && c.board.Current().Epoch == c.epoch {
			c.judge(ctx, node, began, running)
		}
	}
}

// judge draws the conclusions for one standby. One that can't be asked is taken at
// its best: a session must not wait for a long transaction of somebody else because
// a standby is gone.
func (c *coverage) judge(ctx context.Context, node cluster.NodeID, began time.Time, running []int64) {
	needed := c.board.CoverNeeded(node, c.epoch)
	next, until := c.doubts[node].look(began, running)
	if needed && next.due() {
		finished, err := c.finished(ctx, node, next.xids)
		if err != nil && ctx.Err() == nil {
			c.log.Debug("finished transactions not known", "node", node, "error", err)
		}
		next, until = next.answered(finished)
	}
	c.doubts[node] = next
	if until.IsZero() {
		return
	}
	if needed {
		c.rest = needPoll
	}
	c.board.SetCover(node, cluster.Cover{Epoch: c.epoch, Until: until})
}

// running asks the primary for its running transactions.
func (c *coverage) running(ctx context.Context, node cluster.NodeID) (xids []int64, err error) {
	var near int64
	err = c.ask(ctx, node, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, sql.Running).Scan(&near, &xids)
	})
	for i := range xids {
		xids[i] = wide(xids[i], near)
	}
	return xids, err
}

// finished asks a standby in use which of the transactions it shows. Others wait
// behind that, so it has less time than the primary.
func (c *coverage) finished(ctx context.Context, node cluster.NodeID, of []int64) (xids []int64, err error) {
	if !c.board.Current().Nodes[node].Status.Serves() {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.HealthCheck.Timeout/retryShare)
	defer cancel()
	err = c.ask(ctx, node, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, sql.Finished, of).Scan(&xids)
	})
	return xids, err
}

// ask has a question put to a node. After an error the connection is closed.
func (c *coverage) ask(ctx context.Context, node cluster.NodeID, put func(context.Context, *pgx.Conn) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.HealthCheck.Timeout)
	defer cancel()
	if c.conns[node] == nil {
		if c.conns[node], err = connect(ctx, c.board.Current().Nodes[node].Node, c.config.Monitor); err != nil {
			c.conns[node] = nil
			return err
		}
	}
	if err = put(ctx, c.conns[node]); err != nil {
		hangUp(c.conns[node])
		c.conns[node] = nil
	}
	return err
}

func (c *coverage) close() {
	for id, conn := range c.conns {
		if conn != nil {
			hangUp(conn)
			c.conns[id] = nil
		}
	}
}
