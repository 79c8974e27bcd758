package walreceiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// Upstream is a server to receive from.
type Upstream struct {
	Name     string // for the log
	Conninfo string
}

// Flushing says when what was received is made durable and reported.
type Flushing int

const (
	FlushSegments   Flushing = iota // with each complete segment, and when the server asks
	FlushEverything                 // at once, for synchronous_standby_names
)

// Config says what an Archiver does.
type Config struct {
	Slot     string // physical, made where it is missing; "" for none
	Flushing Flushing
	End      cluster.LSN // stop when this is received; 0 is never
	// StatusInterval is the longest time between two status updates
	// (wal_receiver_status_interval); 0 is 10 s.
	StatusInterval time.Duration
	// Timeout is how long the server may be silent (wal_receiver_timeout); 0 is 60 s.
	Timeout time.Duration
}

// Archiver keeps the log of a cluster, wherever its primary is.
type Archiver struct {
	cfg      Config
	dir      *Directory
	receiver *Conn
	find     func(context.Context) (Upstream, error)
	jitter   func() float64
	log      hclog.Logger

	system   string // identifier of the cluster, "" until it is known
	received bool   // something came since the last backoff
}

// NewArchiver returns an Archiver that writes to dir. find tells where the
// primary is now. jitter gives numbers from 0 to 1, not 1.
func NewArchiver(cfg Config, dir *Directory, t Transport, find func(context.Context) (Upstream, error), jitter func() float64, log hclog.Logger) *Archiver {
	if cfg.StatusInterval <= 0 {
		cfg.StatusInterval = 10 * time.Second
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	return &Archiver{cfg: cfg, dir: dir, receiver: NewConn(t), find: find, jitter: jitter, log: log}
}

// Backoff between attempts to connect.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Run receives until ctx ends or Config.End is reached, and returns nil then.
// It ends with an error when the directory fails or is another cluster's; all
// else is logged and tried again.
func (a *Archiver) Run(ctx context.Context) error {
	pause := firstPause
	for {
		a.received = false
		err := a.attempt(ctx)
		if ctx.Err() != nil || err == nil || isFinal(err) {
			if ctx.Err() != nil && !isFinal(err) {
				return nil
			}
			return err
		}
		if a.received {
			pause = firstPause
		}
		wait := time.Duration(float64(pause) * (0.5 + a.jitter()))
		a.log.Warn("not receiving", "error", err, "retry_in", wait.Round(time.Millisecond))
		if !host.Sleep(ctx, wait) {
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

// ErrForeign is a server of another cluster than before.
var ErrForeign = errors.New("the server belongs to another cluster")

func isFinal(err error) bool {
	var file *fileError
	return errors.As(err, &file) || errors.Is(err, ErrForeign)
}

// attempt receives from one server for as long as that works.
func (a *Archiver) attempt(ctx context.Context) error {
	up, err := a.find(ctx)
	if err != nil {
		return err
	}
	if err := a.receiver.Open(ctx, up.Conninfo); err != nil {
		return fmt.Errorf("%s: %w", up.Name, err)
	}
	defer func() { _ = a.receiver.Disconnect() }() // what counts has been sent
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	defer func() { cancel(nil); <-watched }()
	go func() { defer close(watched); a.watch(ctx, up, cancel) }()
	if err := a.receive(ctx, up); err != nil {
		return fmt.Errorf("%s: %w", up.Name, notCanceled(ctx, err))
	}
	return nil
}

// notCanceled is why ctx ended, if that is what err is about.
func notCanceled(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// watch ends the stream from a server that is no longer the primary, though it
// may still run.
func (a *Archiver) watch(ctx context.Context, up Upstream, cancel context.CancelCauseFunc) {
	for host.Sleep(ctx, a.cfg.StatusInterval) {
		if now, err := a.find(ctx); err == nil && now != up {
			cancel(fmt.Errorf("%s is the primary now", now.Name))
			return
		}
	}
}

// receive streams one timeline after the other.
func (a *Archiver) receive(ctx context.Context, up Upstream) error {
	timeline, start, err := a.begin(ctx)
	if err != nil {
		return err
	}
	for {
		if err := a.saveHistory(ctx, timeline); err != nil {
			return err
		}
		if err := a.receiver.Connect(ctx, up.Conninfo, a.cfg.Slot, timeline, start); err != nil {
			return err
		}
		a.log.Info("receiving", "from", up.Name, "timeline", timeline, "position", start.String())
		s := newStream(a, timeline, start)
		next, err := s.run(ctx)
		if err := errors.Join(err, asFileError(s.out.close())); err != nil || next.Kind != TimelineEnd {
			return err
		}
		a.log.Info("timeline ended", "timeline", timeline, "position", next.Start.String(), "next", next.Timeline)
		timeline, start = next.Timeline, segmentOf(0, next.Start, a.dir.size).start(a.dir.size)
	}
}

func (a *Archiver) saveHistory(ctx context.Context, t cluster.Timeline) error {
	there, err := a.dir.HasHistory(t)
	if err != nil || there {
		return asFileError(err)
	}
	name, content, err := a.receiver.History(ctx, t)
	if err != nil {
		return err
	}
	if name != historyName(t) {
		return fmt.Errorf("unexpected name %q of the history file of timeline %d", name, t)
	}
	return asFileError(a.dir.SaveHistory(t, content))
}
