package server

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// visit runs f on every loop in turn and waits for it.
func (s *Server) visit(ctx context.Context, f func(*shard)) error {
	for _, sh := range s.shards {
		if err := sh.do(ctx, func() { f(sh) }); err != nil {
			return err
		}
	}
	return nil
}

// do runs f on the loop and waits for it. After an error f may still be to come.
func (sh *shard) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	if !sh.loop.Post(func() { f(); close(done) }) {
		return errors.New("the event loop has ended")
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// piece is how many sessions are looked at in one go: somebody's statement may wait
// for that long.
const piece = 100

// eachSession calls f with the sessions of every loop, on that loop, which serves its
// clients between one piece and the next. Who begins or ends meanwhile is left out.
func (s *Server) eachSession(ctx context.Context, f func(*session)) error {
	for _, sh := range s.shards {
		if err := sh.eachSession(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (sh *shard) eachSession(ctx context.Context, f func(*session)) error {
	var all []*session
	if err := sh.do(ctx, func() { all = slices.Collect(maps.Keys(sh.sessions)) }); err != nil {
		return err
	}
	for few := range slices.Chunk(all, piece) {
		if err := sh.do(ctx, func() { eachOpen(few, f) }); err != nil {
			return err
		}
	}
	return nil
}

func eachOpen(list []*session, f func(*session)) {
	for _, c := range list {
		if !c.closed {
			f(c)
		}
	}
}
