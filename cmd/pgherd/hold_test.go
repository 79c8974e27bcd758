package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// TestHold: who is in a transaction keeps the second stage of a recovery waiting, or is
// cut off; the others wait, whatever RESUME says, and go on.
func TestHold(t *testing.T) {
	r := startRig(t, 0, "")
	staying, waiting := r.client(), r.client()
	if _, err := staying.Exec(t.Context(), "BEGIN; CREATE TABLE t ()"); err != nil {
		t.Fatal(err)
	}
	r.app.server.Hold()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := r.app.server.Settled(short, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with an open transaction: %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := waiting.Exec(context.Background(), "SELECT 1")
		answered <- err
	}()
	pgtest.Await(t, 20*time.Second, "the other to stand in line", func() bool {
		return r.mustPSQL("pgpool", "SELECT count(*) FROM clients WHERE state = 'waiting'") == "1\n"
	})
	if out, err := r.psql("pgpool", "RESUME"); err == nil || !strings.Contains(out, "nothing is paused") {
		t.Errorf("RESUME: %v, %s", err, out)
	}
	if err := r.app.server.Settled(t.Context(), -1); err != nil {
		t.Error(err)
	}
	var ended *pgconn.PgError
	if _, err := staying.Exec(t.Context(), "COMMIT"); !errors.As(err, &ended) || ended.Code != "57P01" {
		t.Errorf("who stayed: %v, want 57P01", err)
	}
	if len(answered) > 0 {
		t.Error("answered while held")
	}
	r.app.server.Release()
	if err := <-answered; err != nil {
		t.Errorf("who waited: %v", err)
	}
}
