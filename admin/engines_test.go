package admin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/report"
)

// refused is an error as an engine may return it.
type refused struct{ message, code, hint string }

func (e refused) Error() string    { return e.message }
func (e refused) SQLState() string { return e.code }
func (e refused) Hint() string     { return e.hint }

// engines is both engines and the counters. Its functions may be replaced
// before a session starts.
type engines struct {
	promote func(ctx context.Context, node cluster.NodeID, mode PromoteMode, progress func(string)) error
	recover func(ctx context.Context, node cluster.NodeID, progress func(string)) error
	reload  error
	settle  func(ctx context.Context) error

	suspended atomic.Bool

	mu    sync.Mutex
	calls []string
}

func (e *engines) note(call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = append(e.calls, call)
}

func (e *engines) noted() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{}, e.calls...)
}

func (e *engines) Promote(ctx context.Context, node cluster.NodeID, mode PromoteMode, progress func(string)) error {
	e.note("promote " + mode.String())
	if e.promote != nil {
		return e.promote(ctx, node, mode, progress)
	}
	if node == 0 {
		return refused{"node 0 is the primary already", "55000", "choose a standby"}
	}
	progress("stop node 0")
	progress(mode.String() + " to node 1")
	return nil
}

func (e *engines) Attach(context.Context, cluster.NodeID) error { e.note("attach"); return nil }

func (e *engines) Detach(_ context.Context, node cluster.NodeID) error {
	e.note("detach")
	if node == 2 {
		return errors.New("state file: no space left on device")
	}
	return nil
}

func (e *engines) DetachGracefully(_ context.Context, _ cluster.NodeID, progress func(string)) error {
	progress("waiting")
	return nil
}

func (e *engines) Recover(ctx context.Context, node cluster.NodeID, how RecoverOptions, progress func(string)) error {
	e.note("recover")
	if how.Mode != RecoverAny {
		progress("by " + how.Mode.String())
	}
	if how != (RecoverOptions{Mode: how.Mode, Source: cluster.NoNode}) {
		progress(fmt.Sprintf("%+v", how))
	}
	if e.recover != nil {
		return e.recover(ctx, node, progress)
	}
	progress("base backup 100 %")
	return nil
}

func (e *engines) Explain(_ context.Context, node cluster.NodeID, mode PromoteMode) (Plan, error) {
	if node == 2 && mode == Switchover {
		return Plan{Steps: []string{"raise the epoch"}, Obstacles: []Obstacle{{"node 2 is detached", "ATTACH NODE 2", false}, {"it does not stream", "", true}}}, nil
	}
	return Plan{Steps: []string{"stop node 0", "promote node 1"}}, nil
}

func (e *engines) Changes(context.Context) ([]Change, error) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return []Change{{Epoch: 1, Kind: "failover", From: 2, To: 0, Since: at.Add(-time.Hour), End: 0x3000000, Complete: true},
		{Epoch: 2, Kind: "promote", From: 0, To: 1, Phase: "quiesce", Since: at}}, nil
}

func (e *engines) Check(context.Context, cluster.NodeID) error {
	return refused{"access of node 2 is none", "55000", "set access"}
}

func (e *engines) CheckConfig() error { return e.reload }

func (e *engines) Works(context.Context) ([]report.Work, error) {
	return []report.Work{{Selects: 1, Inserts: 2, Updates: 3, Deletes: 4, DDL: 5, Others: 6, Errors: 9}, {Selects: 7}, {}}, nil
}

func (e *engines) Health(node cluster.NodeID) report.Health {
	if node == 2 {
		return report.Health{}
	}
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return report.Health{Total: 4, Success: 4, Retries: 1, MostRetries: 1, Longest: 9 * time.Millisecond, Shortest: 2 * time.Millisecond,
		Sum: 13 * time.Millisecond, Last: at, LastSuccess: at}
}

func (e *engines) Routed() []report.Route {
	return []report.Route{{Node: 0, Reason: "writes", Count: 7}, {Node: 1, Reason: "balanced", Count: 11}}
}

func (e *engines) Selects(node cluster.NodeID) uint64 { return 100 * uint64(node) }

func (e *engines) PendingRestart() []string { return []string{"loops"} }

func (e *engines) Reload() ([]string, error) {
	e.note("reload")
	if e.reload != nil {
		return nil, e.reload
	}
	return []string{"pool.size: 20 -> 30"}, nil
}

func (e *engines) Clients(context.Context) ([]report.Client, error) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	return []report.Client{
		{ID: 1, Database: "app", User: "joe", State: report.ClientActive, Host: "10.0.0.9", Port: 4711, LocalHost: "10.0.0.1", LocalPort: 9999, Connected: at, Request: at.Add(time.Minute), Server: 5, ApplicationName: "shop",
			Node: 1, Pin: "listen", Consistency: "session", Token: "0/3000100", TokenPending: true},
		{ID: 2, Database: "app", User: "joe", State: report.ClientWaiting, Connected: at, Waited: 1500 * time.Millisecond, Node: -1, Consistency: "global"},
		{ID: 3, Database: "app", User: "ann", State: report.ClientIdle, Host: "::1", Port: 4712, Connected: at, Prepared: 2, Node: -1, Consistency: "session"},
	}, nil
}

func (e *engines) Servers(context.Context) ([]report.Server, error) {
	at := time.Date(2024, 5, 6, 7, 0, 0, 0, time.UTC)
	return []report.Server{
		{ID: 5, Node: 1, Database: "app", User: "joe", State: report.ServerActive, PID: 99, Connected: at, Client: 1, Leases: 7},
		{ID: 6, Node: 0, Database: "app", User: "joe", PID: 98, Connected: at},
	}, nil
}

func (e *engines) Pools() []report.Pool {
	return []report.Pool{{Node: 0, Database: "app", User: "joe", Idle: 1, Waiting: 1}, {Node: 1, Database: "app", User: "joe", Active: 1}}
}

func (e *engines) Traffic(context.Context) ([]report.Traffic, error) {
	c := report.Counts{Transactions: 600, Queries: 1200, Received: 60000, InQuery: 12 * time.Second}
	return []report.Traffic{{Database: "app", Total: c, Period: c, Length: time.Minute}}, nil
}

func (e *engines) RotateLog() (string, error) { return "", nil }

func (e *engines) Shutdown(mode ShutdownMode) { e.note(mode.String()) }

func (e *engines) Set(key, value string) ([]string, error) {
	if key == "pool.sise" {
		return nil, errors.New(`unknown key "pool.sise"`)
	}
	return []string{key + ": " + value}, nil
}

func (e *engines) Pause(database string) bool                { return !e.gate("pause", database).Paused }
func (e *engines) Resume(database string) bool               { return e.gate("resume", database).Paused }
func (e *engines) Disable(database string) bool              { return !e.gate("disable", database).Disabled }
func (e *engines) Enable(database string) bool               { return e.gate("enable", database).Disabled }
func (e *engines) Reconnect(database string)                 { e.gate("reconnect", database) }
func (e *engines) Renewed(context.Context, string) error     { return nil }
func (e *engines) Kill(context.Context, string) (int, error) { e.note("kill"); return 3, nil }

func (e *engines) Settle(ctx context.Context, _ string) error {
	if e.settle != nil {
		return e.settle(ctx)
	}
	return nil
}

// Suspend disconnects two clients.
func (e *engines) Suspend(_ context.Context, database string) (int, error) {
	e.note("suspend " + database)
	e.suspended.Store(true)
	return 2, nil
}

func (e *engines) KillClient(_ context.Context, id uint64) (bool, error) { return id == 3, nil }

// gate notes a call and says how the database was before.
func (e *engines) gate(call, database string) report.Gate {
	e.note(call + " " + database)
	return e.Gate(database)
}

// Gate has one database that is paused and disabled.
func (e *engines) Gate(database string) report.Gate {
	return report.Gate{Paused: database == "held", Disabled: database == "held", Suspended: database == "held" || e.suspended.Load()}
}
