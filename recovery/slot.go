package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// slotState is what a physical slot is good for.
type slotState int

const (
	slotMissing slotState = iota
	slotActive            // somebody streams from it
	slotReady             // holds back the log
	slotUseless           // reserves nothing, or the log it needed is gone
)

// slotOutcome says whose the slot is when a job has to clean up.
type slotOutcome int

const (
	slotFound slotOutcome = iota // it was there before
	slotMade                     // by this job
)

const slotQuery = `
SELECT CASE WHEN active THEN 1
            WHEN restart_lsn IS NULL OR wal_status = 'lost' THEN 3
            ELSE 2 END
  FROM pg_replication_slots WHERE slot_name = $1`

// slotWait is how long the walsender of a stopped node may hold its slot.
const slotWait = 15 * time.Second

// reserveSlot leaves the named slot inactive and holding back the log from now
// on at the latest.
func reserveSlot(ctx context.Context, conn *pgx.Conn, name string) (slotOutcome, error) {
	state, err := freeSlot(ctx, conn, name)
	if err != nil || state == slotReady {
		return slotFound, err
	}
	if state == slotUseless {
		if err := dropSlot(ctx, conn, name); err != nil {
			return slotFound, err
		}
	}
	_, err = conn.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", name)
	if err != nil {
		return slotFound, fmt.Errorf("create replication slot %s: %w", name, err)
	}
	return slotMade, nil
}

// freeSlot ends whoever streams from the slot of a stopped node: its own walsender,
// which has not noticed yet, or the receiver of a base backup that goes on since pgherd
// was killed. Where that is not allowed, it is waited for.
func freeSlot(ctx context.Context, conn *pgx.Conn, name string) (slotState, error) {
	if state, err := readSlot(ctx, conn, name); err != nil || state != slotActive {
		return state, err
	}
	_, err := conn.Exec(ctx, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active", name)
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return slotActive, err
	}
	return idleSlot(ctx, conn, name)
}

// idleSlot waits until nobody uses the slot.
func idleSlot(ctx context.Context, conn *pgx.Conn, name string) (state slotState, err error) {
	waiting, cancel := context.WithTimeoutCause(ctx, slotWait,
		fmt.Errorf("replication slot %s is still in use after %s: end the process that streams from it", name, slotWait))
	defer cancel()
	err = poll(waiting, func() (bool, error) {
		state, err = readSlot(ctx, conn, name)
		return state != slotActive, err
	})
	return state, err
}

func readSlot(ctx context.Context, conn *pgx.Conn, name string) (slotState, error) {
	var state int
	err := conn.QueryRow(ctx, slotQuery, name).Scan(&state)
	if errors.Is(err, pgx.ErrNoRows) {
		return slotMissing, nil
	}
	return slotState(state), err
}

func dropSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	if _, err := conn.Exec(ctx, "SELECT pg_drop_replication_slot($1)", name); err != nil {
		return fmt.Errorf("drop replication slot %s: %w", name, err)
	}
	return nil
}

// dropIdleSlot drops the slot unless somebody streams from it after all.
func dropIdleSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	state, err := idleSlot(ctx, conn, name)
	if err != nil || state == slotMissing {
		return err
	}
	return dropSlot(ctx, conn, name)
}

// pollEvery is the pause between two looks at something that is about to happen.
const pollEvery = 100 * time.Millisecond

// poll asks until the answer is yes. When ctx ends first it returns its cause.
func poll(ctx context.Context, ask func() (bool, error)) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
