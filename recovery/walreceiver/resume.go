package walreceiver

import (
	"context"
	"fmt"

	"github.com/pgherd/pgherd/internal/cluster"
)

// begin asks the server who it is, and finds out where to go on: behind what the
// directory has, else where the slot holds the log back, else at the server's
// end of the log; always at the first byte of a segment.
func (a *Archiver) begin(ctx context.Context) (cluster.Timeline, cluster.LSN, error) {
	id, err := a.receiver.Identify(ctx)
	if err != nil {
		return 0, 0, err
	}
	size, err := a.receiver.SegmentSize(ctx)
	if err != nil {
		return 0, 0, err
	}
	tail, err := a.dir.Tail(size)
	if err != nil {
		return 0, 0, asFileError(err)
	}
	if err := a.recognize(id.System, tail.System); err != nil {
		return 0, 0, err
	}
	slotTimeline, slotStart, err := a.slot(ctx)
	if err != nil {
		return 0, 0, err
	}
	switch {
	case tail.Timeline != 0:
		return a.resume(ctx, id, tail.Timeline, tail.Next)
	case slotTimeline != 0:
		return a.resume(ctx, id, slotTimeline, slotStart-slotStart%cluster.LSN(size))
	}
	return id.Timeline, id.Position - id.Position%cluster.LSN(size), nil
}

// recognize refuses a server of another cluster than that of the directory, or of
// the first server.
func (a *Archiver) recognize(server, directory string) error {
	known := a.system
	if directory != "" {
		known = directory
	}
	if known != "" && server != known {
		return fmt.Errorf("%w: its system identifier is %s, that of the log received before is %s", ErrForeign, server, known)
	}
	a.system = server
	return nil
}

func (a *Archiver) slot(ctx context.Context) (cluster.Timeline, cluster.LSN, error) {
	if a.cfg.Slot == "" {
		return 0, 0, nil
	}
	return a.receiver.Slot(ctx, a.cfg.Slot)
}

// resume corrects a position that the server's history does not have: after a
// failover the old primary may have sent more than the new one ever got.
func (a *Archiver) resume(ctx context.Context, id Identity, t cluster.Timeline, start cluster.LSN) (cluster.Timeline, cluster.LSN, error) {
	if t == id.Timeline {
		return t, start, nil
	}
	if t > id.Timeline {
		return 0, 0, fmt.Errorf("the server is on timeline %d, the log here is of timeline %d already: it is no longer the primary, or was restored from an old backup", id.Timeline, t)
	}
	_, content, err := a.receiver.History(ctx, id.Timeline)
	if err != nil {
		return 0, 0, err
	}
	ancestors, err := cluster.ParseHistory(content)
	if err != nil {
		return 0, 0, err
	}
	return onHistory(ancestors, id.Timeline, t, start, a.dir.size)
}

// onHistory is where to go on towards timeline last, having t up to start.
func onHistory(ancestors []cluster.Ancestor, last, t cluster.Timeline, start cluster.LSN, size uint64) (cluster.Timeline, cluster.LSN, error) {
	for i, a := range ancestors {
		if a.Timeline != t {
			continue
		}
		if start <= a.Switch {
			return t, start, nil
		}
		next := last
		if i+1 < len(ancestors) {
			next = ancestors[i+1].Timeline
		}
		return onHistory(ancestors, last, next, segmentOf(0, a.Switch, size).start(size), size)
	}
	if t == last {
		return t, start, nil
	}
	return 0, 0, fmt.Errorf("timeline %d of the log here is not in the history of the server's timeline %d: begin with an empty directory", t, last)
}
