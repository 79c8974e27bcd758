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
	board *cluster.Board

	mu       sync.Mutex    // guards what follows
	pollers  []*poller     // by node; grows
	epoch    cluster.Epoch // of timeline and history
	timeline cluster.Timeline
	history  history
}

// add makes the next node's poller.
func (p *positions) add(n cluster.Node, c Config, log hclog.Logger) *poller {
	w := &poller{node: n, config: c, shared: p, wake: make(chan struct{}, 1), log: log.With("node", n.ID)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pollers = append(p.pollers, w)
	return w
}

func (p *positions) all() []*poller {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pollers
}

// dispatch hands needs to the pollers until ctx ends.
func (p *positions) dispatch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.board.Demand():
		}
		p.rouseAll()
	}
}

// rouseAll has every poller think again: the picture has changed, or the
// primary's log has grown.
func (p *positions) rouseAll() {
	for _, w := range p.all() {
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
	return p.history.newest
}

// advance notes a sample of the primary; true when its log has grown.
func (p *positions) advance(s cluster.Sample, timeline cluster.Timeline) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Epoch != p.epoch {
		p.epoch, p.history = s.Epoch, history{}
	}
	p.timeline = timeline
	grown := s.LSN > p.history.newest
	p.history.add(s.Began, s.LSN)
	return grown
}

// line is the primary's timeline in epoch; 0 while it is not known.
func (p *positions) line(epoch cluster.Epoch) cluster.Timeline {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch {
		return 0
	}
	return p.timeline
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

	conn     *pgx.Conn
	timeline cluster.Timeline // the node's, once the connection was seen to be out of recovery
	epoch    cluster.Epoch
	sure     cluster.LSN // standby: the last position that is surely the primary's, in epoch and on conn
	pace     pace
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
		p.epoch, p.pace, p.sure = now.Epoch, pace{}, 0
	}
	switch {
	case !now.Nodes[p.node.ID].Status.Serves():
		return p.pace.last.Add(idlePoll)
	case now.Primary == p.node.ID:
		return p.pace.primaryDue(p.shared.board.Needed())
	}
	return p.pace.standbyDue(p.shared.target(now.Epoch), p.shared.board.Needed())
}

// poll takes one sample. It is dropped when the epoch changed meanwhile.
func (p *poller) poll(ctx context.Context, now *cluster.Snapshot) {
	s := cluster.Sample{Began: time.Now(), Epoch: now.Epoch}
	leads := now.Primary == p.node.ID
	if err := p.ask(ctx, now, &s); err != nil {
		p.close()
		p.pace = p.pace.missed(s.Began)
		if !leads {
			p.shared.board.Forget(p.node.ID, time.Now()) // a standby that has restarted may be further behind
		}
		if ctx.Err() == nil {
			p.log.Debug("position not known", "error", err)
		}
		return
	}
	p.pace = p.pace.polled(s.Began, s.LSN, p.shared.target(s.Epoch))
	if p.shared.board.Current().Epoch == s.Epoch {
		p.record(s, leads)
	}
}

func (p *poller) record(s cluster.Sample, leads bool) {
	if leads {
		grown := p.shared.advance(s, p.timeline)
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

func (p *poller) ask(ctx context.Context, now *cluster.Snapshot, s *cluster.Sample) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.HealthCheck.Timeout)
	defer cancel()
	leads := now.Primary == p.node.ID
	if err := p.ready(ctx, leads); err != nil {
		return err
	}
	if !leads {
		return p.askStandby(ctx, now, s)
	}
	var text string
	if err := p.conn.QueryRow(ctx, sql.Position).Scan(&text); err != nil {
		return err
	}
	var err error
	s.LSN, err = cluster.ParseLSN(text)
	return err
}

// askStandby believes a position only while the standby streams from the primary,
// on its timeline: only then is all that it has replayed the primary's. A position
// of another timeline may compare as high and hold other rows.
func (p *poller) askStandby(ctx context.Context, now *cluster.Snapshot, s *cluster.Sample) error {
	var text string
	var paused bool
	var delay float64
	var from Receiver
	var timeline int64
	err := p.conn.QueryRow(ctx, sql.StandbyPosition).Scan(&text, &paused, &delay, &from.Status, &from.Host, &from.Port, &timeline)
	if err != nil {
		return err
	}
	lsn, err := cluster.ParseLSN(text)
	if err != nil {
		return err
	}
	s.Delay = time.Duration(delay * float64(time.Second))
	switch line := p.shared.line(s.Epoch); {
	case line == 0 || line != cluster.Timeline(timeline) || now.Primary == cluster.NoNode || !from.Streams(now.Nodes[now.Primary].Node):
		s.State = cluster.Cut
	case paused:
		s.State, p.sure = cluster.Paused, lsn
	default:
		p.sure = lsn
	}
	s.LSN = p.sure
	return nil
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
		p.conn, p.timeline, p.sure = conn, 0, 0
	}
	if !leads || p.timeline != 0 {
		return nil
	}
	var recovering bool
	var timeline int64
	if err := p.conn.QueryRow(ctx, sql.Lead).Scan(&recovering, &timeline); err != nil {
		return err
	}
	if recovering {
		return errInRecovery
	}
	p.timeline = cluster.Timeline(timeline)
	return nil
}

func (p *poller) close() {
	if p.conn != nil {
		hangUp(p.conn)
		p.conn = nil
	}
}
