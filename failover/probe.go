package failover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/sql"
)

// receiverAge is the time since a standby's last message from its primary, and
// how long it delays replay, both in seconds. The standby's own clock is used
// for both ends of the first; the units of settings are those of intervals.
const receiverAge = `SELECT coalesce(extract(epoch FROM clock_timestamp() - max(last_msg_receipt_time)), 1e9)::float8,
	extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)::float8
	FROM pg_stat_wal_receiver`

// connect opens a connection to n for pgherd's own work.
func connect(ctx context.Context, n cluster.Node, c cluster.Credentials, extra ...string) (*pgx.Conn, error) {
	config, err := ownConfig(n, c, extra...)
	if err != nil {
		return nil, err
	}
	return open(ctx, n, config)
}

// ownConfig is how pgherd connects to n. Timeouts that somebody set for ordinary
// sessions must not look like a failure of the node.
func ownConfig(n cluster.Node, c cluster.Credentials, extra ...string) (*pgx.ConnConfig, error) {
	info := n.OwnConninfo(c).With("dbname", c.Database).With("application_name", "pgherd")
	for i := 0; i+1 < len(extra); i += 2 {
		info = info.With(extra[i], extra[i+1])
	}
	config, err := pgx.ParseConfig(info.String())
	if err != nil {
		return nil, fmt.Errorf("node %d: connection parameters: %w", n.ID, err)
	}
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["lock_timeout"] = "0"
	return config, nil
}

func open(ctx context.Context, n cluster.Node, config *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, &unreachable{n, err}
	}
	return conn, nil
}

// unreachable is a failed connect in one line: pgx tells every attempt.
type unreachable struct {
	node cluster.Node
	err  error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("node %d: connecting to %s: %s", u.node.ID, u.node.Address(), detail(u.err))
}

func (u *unreachable) Unwrap() error { return u.err }

// hangUp closes a connection without waiting for a server that may be gone.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx) // nothing depends on it
}

// outcome says what an error of connecting or asking tells about the node.
func outcome(err error) Outcome {
	var pg *pgconn.PgError
	var network net.Error
	switch {
	case err == nil:
		return Alive
	case cluster.Shortage(err):
		return Unknown
	case errors.As(err, &pg):
		return outcomeOf(pg.Code)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return Silent
	}
	return Broken
}

// outcomeOf sorts SQLSTATEs: whoever sends any other than these is alive.
func outcomeOf(code string) Outcome {
	switch code {
	case "57P03": // cannot_connect_now
		return Starting
	case "57P01", "57P02": // admin_shutdown, crash_shutdown
		return Broken
	}
	return Rejected
}

// detail is err in one line, fit for a node's reason.
func detail(err error) string {
	var pg *pgconn.PgError
	switch o := outcome(err); {
	case errors.As(err, &pg):
		return pg.Message + " (SQLSTATE " + pg.Code + ")"
	case o == Refused:
		return "connection refused"
	case o == Silent:
		return "no answer in time"
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// ask fills in r from a node's answers.
func ask(ctx context.Context, conn *pgx.Conn, r *Report) error {
	var inRecovery bool
	var timeline, version int64
	var received, replayed string
	err := conn.QueryRow(ctx, sql.Probe).Scan(&inRecovery, &r.SystemID, &timeline, &received, &replayed,
		&r.Receiver.Status, &r.Receiver.Host, &r.Receiver.Port, &version, &r.Paused)
	if err != nil {
		return err
	}
	r.Timeline = cluster.Timeline(timeline)
	if r.Received, err = cluster.ParseLSN(received); err != nil {
		return err
	}
	if r.Replayed, err = cluster.ParseLSN(replayed); err != nil {
		return err
	}
	if inRecovery {
		r.Role = cluster.Standby
		return askReceiver(ctx, conn, r)
	}
	r.Role = cluster.Primary
	var names string
	if err := conn.QueryRow(ctx, "SELECT current_setting('synchronous_standby_names')").Scan(&names); err != nil {
		return err
	}
	r.Acks = acksOf(names)
	r.Followers, err = askFollowers(ctx, conn)
	return err
}

func askReceiver(ctx context.Context, conn *pgx.Conn, r *Report) error {
	var age, delay float64
	if err := conn.QueryRow(ctx, receiverAge).Scan(&age, &delay); err != nil {
		return err
	}
	r.Receiver.Age = time.Duration(age * float64(time.Second))
	r.Delay = time.Duration(delay * float64(time.Second))
	return nil
}

func askFollowers(ctx context.Context, conn *pgx.Conn) ([]Follower, error) {
	rows, err := conn.Query(ctx, sql.Replication)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f Follower, err error) {
		var sent, write, flush, replay string
		if err := row.Scan(&f.Name, &f.State, &f.SyncState, &sent, &write, &flush, &replay); err != nil {
			return f, err
		}
		if f.Written, err = cluster.ParseLSN(write); err != nil {
			return f, err
		}
		f.Flushed, err = cluster.ParseLSN(flush)
		return f, err
	})
}
