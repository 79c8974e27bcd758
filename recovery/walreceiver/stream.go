package walreceiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// stream writes what comes of one timeline and reports it.
type stream struct {
	receiver Receiver
	cfg      Config
	out      writer
	note     func() // something was received

	heard    time.Time   // when the server last sent something
	told     time.Time   // when it last got a status update
	reported cluster.LSN // the flush position in it
}

func newStream(a *Archiver, t cluster.Timeline, start cluster.LSN) *stream {
	now := time.Now()
	s := &stream{receiver: a.receiver, cfg: a.cfg, out: writer{dir: a.dir}, heard: now, told: now, reported: start,
		note: func() { a.received = true }}
	s.out.begin(t, start)
	return s
}

// run returns at the end of the timeline with that message, or at Config.End
// with Nothing.
func (s *stream) run(ctx context.Context) (Message, error) {
	for {
		m, err := s.receiver.Receive(ctx, s.patience(time.Now()))
		if err != nil {
			return m, s.giveUp(err)
		}
		now := time.Now()
		if m.Kind != Nothing {
			s.heard = now
		}
		if m.Kind == TimelineEnd {
			return m, s.out.flush()
		}
		if err := s.take(m, now); err != nil {
			return m, err
		}
		if s.cfg.End != 0 && s.out.written >= s.cfg.End {
			return Message{}, s.finish(now)
		}
	}
}

// patience is 0 while something waits to be flushed: what has arrived already is
// flushed together.
func (s *stream) patience(now time.Time) time.Duration {
	if s.cfg.Flushing == FlushEverything && s.out.flushed < s.out.written {
		return 0
	}
	return max(0, s.told.Add(s.cfg.StatusInterval).Sub(now))
}

// take handles a message and sends the status update that is due after it.
func (s *stream) take(m Message, now time.Time) error {
	switch {
	case m.Kind == Data:
		s.note()
		if err := s.out.write(m.Start, m.Bytes); err != nil {
			return err
		}
	case m.Kind == Nothing && s.cfg.Flushing == FlushEverything, m.ReplyRequested:
		if err := s.out.flush(); err != nil {
			return err
		}
	}
	silence := now.Sub(s.heard)
	if silence >= s.cfg.Timeout {
		return fmt.Errorf("the server has sent nothing for %v", silence.Round(time.Second))
	}
	due := m.ReplyRequested || now.Sub(s.told) >= s.cfg.StatusInterval
	if !due && s.out.flushed <= s.reported {
		return nil
	}
	return s.report(now, silence >= s.cfg.Timeout/2)
}

// report tells how far the log is safe. Without a slot the flush position is left
// out, as that of a server that is no synchronous standby.
func (s *stream) report(now time.Time, ask bool) error {
	f := Feedback{Write: s.out.written, Now: now, RequestReply: ask}
	if s.cfg.Slot != "" || s.cfg.Flushing == FlushEverything {
		f.Flush = s.out.flushed
	}
	s.told, s.reported = now, s.out.flushed
	return s.receiver.Send(f)
}

// finish leaves nothing unsafe or unreported behind.
func (s *stream) finish(now time.Time) error {
	if err := s.out.flush(); err != nil {
		return err
	}
	return s.report(now, false)
}

// giveUp saves what was received before err, and says so if it can.
func (s *stream) giveUp(err error) error {
	if flushed := s.out.flush(); flushed != nil {
		return errors.Join(flushed, err)
	}
	if errors.Is(err, ErrShutdown) || errors.Is(err, context.Canceled) {
		_ = s.report(time.Now(), false) // the server may be gone
	}
	return err
}
