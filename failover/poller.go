package failover

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/sql"
)

// positions is what the pollers share: where the primary was and is.
type positions struct {
	board   *cluster.Board
	pollers []*poller

	mu      sync.Mutex
	epoch   cluster.Epoch // of history
	history history
}

func newPositions(c Config, board *cluster.Board, log hclog.Logger) *positions {
	p := &positions{board: board}
	for _, n := range c.Nodes {
		p.pollers = append(p.pollers, &poller{
			node: n, config: c, shared: p, wake: make(chan struct{}, 1),
			log: log.With("node", n.ID),
		})
	}
	return p
}

// dispatch hands needs to the primary's poller until ctx ends.
func (p *positions) dispatch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.board.Demand():
		}
		if id := p.board.Current().Primary; id != cluster.NoNode {
			p.pollers[id].rouse()
		}
	}
}

// rouseAll has every poller think again: the picture has changed, or the
// primary's log has grown.
func (p *positions) rouseAll() {
	for _, w := range p.pollers {
		w.rouse()
	}
}

// target is the newest position of the primary in epoch.
func (p *positions) target(epoch cluster.Epoch) cluster.LSN {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch {
		return 0
	}
	return p.history.newest.lsn
}

// advance notes a sample of the primary; true when its log has grown.
func (p *positions) advance(s cluster.Sample) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Epoch != p.epoch {
		p.epoch, p.history = s.Epoch, history{}
	}
	grown := s.LSN > p.history.newest.lsn
	p.history.add(s.Began, s.LSN)
	return grown
}

func (p *positions) lag(s cluster.Sample) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != s.Epoch {
		return 0
	}
	return p.history.lag(s.Began, s.LSN)
}

// poller polls the log position of one node.
type poller struct {
	node   cluster.Node
	config Config
	shared *positions
	log    hclog.Logger
	wake   chan struct{}

	conn    *pgx.Conn
	primary bool // the connection was seen to be out of recovery
	epoch   cluster.Epoch
	pace    pace
}

func (p *poller) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *poller) run(ctx context.Context) {
	defer p.close()
	for p.await(ctx) {
		now := p.shared.board.Current()
		if !now.Nodes[p.node.ID].Status.Serves() {
			p.close()
			p.pace = pace{last: time.Now()}
			continue
		}
		p.poll(ctx, now)
	}
}

// await returns when the next poll is due; false when ctx has ended.
func (p *poller) await(ctx context.Context) bool {
	for {
		wait := time.Until(p.due())
		if wait <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-p.wake:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
}

func (p *poller) due() time.Time {
	now := p.shared.board.Current()
	if now.Epoch != p.epoch {
		p.epoch, p.pace = now.Epoch, pace{}
	}
	switch {
	case !now.Nodes[p.node.ID].Status.Serves():
		return p.pace.last.Add(idlePoll)
	case now.Primary == p.node.ID:
		return p.pace.primaryDue(p.shared.board.Needed())
	}
	return p.pace.standbyDue(p.shared.target(now.Epoch))
}

// poll takes one sample. It is dropped when the epoch changed meanwhile.
func (p *poller) poll(ctx context.Context, now *cluster.Snapshot) {
	s := cluster.Sample{Began: time.Now(), Epoch: now.Epoch}
	leads := now.Primary == p.node.ID
	lsn, err := p.ask(ctx, leads)
	if err != nil {
		p.close()
		p.pace = p.pace.missed(s.Began)
		if ctx.Err() == nil {
			p.log.Debug("position not known", "error", err)
		}
		return
	}
	p.pace = p.pace.polled(s.Began, lsn, p.shared.target(s.Epoch))
	s.LSN = lsn
	if p.shared.board.Current().Epoch == s.Epoch {
		p.record(s, leads)
	}
}

func (p *poller) record(s cluster.Sample, leads bool) {
	if leads {
		grown := p.shared.advance(s)
		p.shared.board.Record(p.node.ID, s)
		if grown {
			p.shared.rouseAll()
		}
		return
	}
	s.Lag = p.shared.lag(s)
	p.shared.board.Record(p.node.ID, s)
}

var errInRecovery = errors.New("it is the primary on the board and in recovery")

func (p *poller) ask(ctx context.Context, leads bool) (cluster.LSN, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.HealthCheck.Timeout)
	defer cancel()
	if err := p.ready(ctx, leads); err != nil {
		return 0, err
	}
	var text string
	if err := p.conn.QueryRow(ctx, sql.Position).Scan(&text); err != nil {
		return 0, err
	}
	return cluster.ParseLSN(text)
}

// ready makes a connection when there is none. One that is used for the
// primary's position must have been seen out of recovery: a replayed position
// would be too old for a token.
func (p *poller) ready(ctx context.Context, leads bool) error {
	if p.conn == nil {
		conn, err := connect(ctx, p.node, p.config.Monitor)
		if err != nil {
			return err
		}
		p.conn, p.primary = conn, false
	}
	if !leads || p.primary {
		return nil
	}
	var recovering bool
	if err := p.conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering); err != nil {
		return err
	}
	if recovering {
		return errInRecovery
	}
	p.primary = true
	return nil
}

func (p *poller) close() {
	if p.conn != nil {
		hangUp(p.conn)
		p.conn = nil
	}
}
