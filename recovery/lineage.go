package recovery

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// identify opens a replication connection and asks for the system, the timeline and
// its history (PostgreSQL documentation, "Streaming Replication Protocol").
func (e *Engine) identify(ctx context.Context, source cluster.Node, s *Source) error {
	conn, err := pgconn.Connect(ctx, e.conninfo(source).With("replication", "true").String())
	if err != nil {
		return err
	}
	defer closeSoon(ctx, conn.Close)
	row, err := oneRow(ctx, conn, "IDENTIFY_SYSTEM", 3)
	if err != nil {
		return err
	}
	timeline, err1 := cluster.ParseTimeline(row[1])
	position, err2 := cluster.ParseLSN(row[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.SystemIdentifier, s.Timeline, s.Position = row[0], timeline, position
	if timeline == 1 {
		return nil
	}
	if row, err = oneRow(ctx, conn, fmt.Sprintf("TIMELINE_HISTORY %d", timeline), 2); err != nil {
		return err
	}
	s.History, err = cluster.ParseHistory(row[1])
	return err
}

// oneRow is the answer to a command, at least n columns.
func oneRow(ctx context.Context, conn *pgconn.PgConn, command string, n int) ([]string, error) {
	results, err := conn.Exec(ctx, command).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < n {
		return nil, errors.New("unexpected answer to " + command)
	}
	row := make([]string, len(results[0].Rows[0]))
	for i, v := range results[0].Rows[0] {
		row[i] = string(v)
	}
	return row, nil
}

// oldestLog is the first byte of the oldest segment: segments have the two halves of
// their number behind the timeline.
const oldestLog = `
SELECT coalesce(min(('x' || substr(name, 9, 8))::bit(32)::int8 * 4294967296
                  + ('x' || substr(name, 17, 8))::bit(32)::int8 * pg_size_bytes(current_setting('wal_segment_size'))), 0)
  FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`

// askOldestLog leaves 0 when the role may not look (it is no member of pg_monitor).
func askOldestLog(ctx context.Context, conn *pgx.Conn) (cluster.LSN, error) {
	var at int64
	err := conn.QueryRow(ctx, oldestLog).Scan(&at)
	if rights.Denied(err) {
		return 0, nil
	}
	return cluster.LSN(at), err
}

// rewindMarker lies beside a data directory from the beginning of a rewind until it
// can be started as a standby. What it lies beside is good for nothing.
func rewindMarker(dataDirectory string) string {
	return filepath.Clean(dataDirectory) + ".rewind" + markerSuffix
}

// inspectLog finds out what Diagnose wants to know of a data directory.
func inspectLog(ctx context.Context, i Instance, dir string, t *Target) (err error) {
	if t.Running, err = i.Running(); err != nil {
		return err
	}
	for path, why := range map[string]string{
		rewindMarker(dir):                  "a rewind of it was interrupted",
		filepath.Join(dir, "backup_label"): "it is a base backup that was not brought to its end",
	} {
		there, err := i.Machine().Exists(path)
		if err != nil {
			return err
		}
		if there {
			t.Unfinished = why
		}
	}
	c, err := i.Control(ctx)
	if err == nil {
		t.Log, err = readLog(ctx, i)
	}
	if err != nil {
		t.LogError = err.Error()
		return nil
	}
	t.Log.Redo = c.RedoLSN
	t.Log.Horizon = strconv.FormatUint(uint64(c.Horizon), 10)
	t.Log.Segment, t.Log.Clean, t.Log.Hints = uint64(c.WALSegmentSize), c.CleanlyStopped(), c.Checksums || c.WALLogHints
	t.Log.Standby = c.State == "in archive recovery" || c.State == "shut down in recovery"
	return nil
}

func readLog(ctx context.Context, i Instance) (*Log, error) {
	end, err := i.LogEnd(ctx)
	if err != nil {
		return nil, err
	}
	return &Log{Timeline: end.Timeline, History: end.History, End: end.End}, nil
}
