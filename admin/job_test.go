package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
)

// waiting is a promotion that tells when it has begun and runs until its context
// ends.
func waiting(began chan<- struct{}) *engines {
	return &engines{promote: func(ctx context.Context, node cluster.NodeID, _ PromoteMode, _ func(string)) error {
		close(began)
		<-ctx.Done()
		return fmt.Errorf("promote node %d: await replay: %w", node, ctx.Err())
	}}
}

func TestNoticesArriveWhileTheCommandRuns(t *testing.T) {
	seen := make(chan struct{})
	e := &engines{recover: func(ctx context.Context, _ cluster.NodeID, progress func(string)) error {
		progress("checkpoint")
		select {
		case <-seen:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	conn := serve(t, testConsole(e)).connect(t, "admin", func(*pgconn.Notice) { close(seen) })
	if _, err := conn.Exec(t.Context(), "RECOVER NODE 1"); err != nil {
		t.Error(err)
	}
}

// A client that does not read must not hold up an engine.
func TestProgressDoesNotWaitForTheClient(t *testing.T) {
	reported := make(chan struct{})
	e := &engines{recover: func(ctx context.Context, _ cluster.NodeID, progress func(string)) error {
		for range 100_000 {
			progress("a line of some length that fills the buffers of the connection sooner or later")
		}
		close(reported)
		return nil
	}}
	c := serve(t, testConsole(e)).raw(t, "admin")
	c.send(&pgproto3.Query{String: "RECOVER NODE 1"})
	<-reported
	c.until("RECOVER NODE")
}

func TestCancelRequestEndsTheCommand(t *testing.T) {
	began := make(chan struct{})
	r := serve(t, testConsole(waiting(began)))
	r.cancels <- struct{}{} // finds nothing to cancel
	conn := r.connect(t, "admin", nil)
	if _, err := conn.Exec(t.Context(), "HELP"); err != nil {
		t.Fatal(err)
	}
	if len(r.cancels) > 0 {
		t.Error("an early cancel request is kept for the next command")
	}
	go func() {
		<-began
		r.cancels <- struct{}{}
	}()
	_, err := conn.Exec(t.Context(), "PROMOTE NODE 1")
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != "57014" || e.Detail != "promote node 1: await replay: context canceled" {
		t.Errorf("got %v", err)
	}
	if _, err := conn.Exec(t.Context(), "SHOW POOL_VERSION"); err != nil {
		t.Error("the session did not live on:", err)
	}
}

// What was sent behind the command must not run either.
func TestVanishedClientCancelsTheCommand(t *testing.T) {
	goodbyes := map[string]func(*raw){
		"closed":     func(c *raw) { c.conn.Close() },
		"terminated": func(c *raw) { c.send(&pgproto3.Terminate{}) },
	}
	for name, goodbye := range goodbyes {
		t.Run(name, func(t *testing.T) {
			began := make(chan struct{})
			e := waiting(began)
			r := serve(t, testConsole(e))
			c := r.raw(t, "admin")
			c.send(&pgproto3.Query{String: "PROMOTE NODE 1; ATTACH NODE 1"}, &pgproto3.Query{String: "DETACH NODE 1"})
			<-began
			goodbye(c)
			if err := <-r.served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if calls := e.noted(); !slices.Equal(calls, []string{"promote switchover"}) {
				t.Errorf("ran %q", calls)
			}
		})
	}
}

func TestShutdownTellsAnIdleClient(t *testing.T) {
	r := serve(t, testConsole(&engines{}))
	c := r.raw(t, "reader")
	r.stop()
	c.until("FATAL 57P01")
	if err := <-r.served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestShutdownEndsTheCommand(t *testing.T) {
	began := make(chan struct{})
	r := serve(t, testConsole(waiting(began)))
	c := r.raw(t, "admin")
	c.send(&pgproto3.Query{String: "PROMOTE NODE 1"})
	<-began
	r.stop()
	if got := c.until("FATAL 57P01"); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	if err := <-r.served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestCancelledPauseIsUndone(t *testing.T) {
	began := make(chan struct{})
	e := &engines{settle: func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}}
	r := serve(t, testConsole(e))
	go func() {
		<-began
		r.cancels <- struct{}{}
	}()
	_, err := r.connect(t, "admin", nil).Exec(t.Context(), "PAUSE app")
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "57014" {
		t.Errorf("got %v", err)
	}
	if calls := e.noted(); !slices.Equal(calls, []string{"pause app", "resume app"}) {
		t.Errorf("ran %q", calls)
	}
}
