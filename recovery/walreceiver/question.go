package walreceiver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Identity is the answer to IDENTIFY_SYSTEM.
type Identity struct {
	System   string // identifier, a decimal number
	Timeline cluster.Timeline
	Position cluster.LSN // to where the log is flushed
}

// Identify asks who the server is.
func (c *Conn) Identify(ctx context.Context) (Identity, error) {
	row, err := c.row(ctx, "IDENTIFY_SYSTEM", 3)
	if err != nil {
		return Identity{}, err
	}
	timeline, err1 := cluster.ParseTimeline(row[1])
	position, err2 := cluster.ParseLSN(row[2])
	return Identity{System: row[0], Timeline: timeline, Position: position}, errors.Join(err1, err2)
}

// SegmentSize asks for wal_segment_size, in bytes.
func (c *Conn) SegmentSize(ctx context.Context) (uint64, error) {
	row, err := c.row(ctx, "SHOW wal_segment_size", 1)
	if err != nil {
		return 0, err
	}
	digits := strings.TrimRight(row[0], "kMGB")
	n, err := strconv.ParseUint(digits, 10, 32)
	size := n * map[string]uint64{"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[row[0][len(digits):]]
	if err != nil || size == 0 || size&(size-1) != 0 {
		return 0, fmt.Errorf("wal_segment_size is %q, not a power of two", row[0])
	}
	return size, nil
}

// History asks for a timeline's history file: its name and content. The first
// timeline has none.
func (c *Conn) History(ctx context.Context, timeline cluster.Timeline) (name, content string, err error) {
	row, err := c.row(ctx, fmt.Sprintf("TIMELINE_HISTORY %d", timeline), 2)
	if err != nil {
		return "", "", err
	}
	return row[0], row[1], nil
}

// Slot makes sure that the physical slot exists and tells where it holds the
// log back. The timeline is 0 when that is not known: the slot is new, or the
// server is older than PostgreSQL 15.
func (c *Conn) Slot(ctx context.Context, name string) (cluster.Timeline, cluster.LSN, error) {
	row, err := c.row(ctx, "READ_REPLICATION_SLOT "+quoted(name), 3)
	if err == nil && row[0] != "" {
		return restartOf(row)
	}
	if err != nil && !hasCode(err, notSupported) {
		return 0, 0, err
	}
	_, err = c.row(ctx, "CREATE_REPLICATION_SLOT "+quoted(name)+" PHYSICAL RESERVE_WAL", 1)
	if hasCode(err, duplicateObject) {
		return 0, 0, nil
	}
	return 0, 0, err
}

// SQLSTATEs (PostgreSQL documentation, appendix A).
const (
	notSupported    = "0A000" // what is no replication command is taken for SQL
	duplicateObject = "42710"
)

func hasCode(err error, code string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == code
}

// restartOf reads slot_type, restart_lsn, restart_tli.
func restartOf(row []string) (cluster.Timeline, cluster.LSN, error) {
	if row[0] != "physical" {
		return 0, 0, fmt.Errorf("the slot is a %s one, a physical one is needed", row[0])
	}
	if row[1] == "" {
		return 0, 0, nil // it holds nothing back yet
	}
	timeline, err1 := cluster.ParseTimeline(row[2])
	position, err2 := cluster.ParseLSN(row[1])
	return timeline, position, errors.Join(err1, err2)
}

// row runs a command that answers with one row of at least n columns. NULL is "".
func (c *Conn) row(ctx context.Context, command string, n int) ([]string, error) {
	if c.phase != open {
		return nil, ErrNotConnected
	}
	if err := c.link.Send(&pgproto3.Query{String: command}); err != nil {
		return nil, err
	}
	row, err := c.readRow(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return row, nil
}

// readRow reads up to ReadyForQuery.
func (c *Conn) readRow(ctx context.Context, n int) (row []string, err error) {
	for {
		message, err := c.receive(ctx, time.Time{})
		if err != nil {
			return nil, c.settle(ctx, err)
		}
		switch m := message.(type) {
		case *pgproto3.DataRow:
			row = textOf(m)
		case *pgproto3.ReadyForQuery:
			if len(row) < n {
				return nil, fmt.Errorf("unexpected answer of %d columns", len(row))
			}
			return row, nil
		}
	}
}

// settle reads on after an error of the server, so that it can be asked again.
func (c *Conn) settle(ctx context.Context, cause error) error {
	var e *pgconn.PgError
	for errors.As(cause, &e) {
		message, err := c.link.Receive(ctx, time.Time{})
		if err != nil {
			break // the connection has ended; the server's error says why
		}
		if _, ready := message.(*pgproto3.ReadyForQuery); ready {
			break
		}
	}
	return cause
}

// nextTimeline reads next_tli and next_tli_startpos.
func (c *Conn) nextTimeline(ctx context.Context) (Message, error) {
	row, err := c.readRow(ctx, 2)
	if err != nil {
		return Message{}, err
	}
	timeline, err1 := cluster.ParseTimeline(row[0])
	start, err2 := cluster.ParseLSN(row[1])
	return Message{Kind: TimelineEnd, Timeline: timeline, Start: start}, errors.Join(err1, err2)
}

func textOf(m *pgproto3.DataRow) []string {
	row := make([]string, len(m.Values))
	for i, v := range m.Values {
		row[i] = string(v)
	}
	return row
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
