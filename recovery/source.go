package recovery

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// connectTimeout bounds one attempt to reach a node.
const connectTimeout = 5 * time.Second

// conninfo is how this engine logs in to a node.
func (e *Engine) conninfo(n cluster.Node) cluster.Conninfo {
	return n.OwnConninfo(e.cfg.Monitor).With("application_name", "pgherd recovery").
		With("connect_timeout", strconv.Itoa(int(connectTimeout.Seconds())))
}

// with runs use on a connection of its own to n: none is kept through the
// hours that a copy can take.
func (e *Engine) with(ctx context.Context, n cluster.Node, use func(*pgx.Conn) error) error {
	return e.within(ctx, n, e.cfg.Monitor.Database, use)
}

func (e *Engine) within(ctx context.Context, n cluster.Node, database string, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, e.conninfo(n).With("dbname", database).String())
	if err != nil {
		return fmt.Errorf("node %d (%s): %w", n.ID, n.Address(), err)
	}
	defer closeSoon(ctx, conn.Close)
	if err := use(conn); err != nil {
		return fmt.Errorf("node %d (%s): %w", n.ID, n.Address(), err)
	}
	return nil
}

// closeSoon says goodbye to the server, also after ctx has ended.
func closeSoon(ctx context.Context, closeConn func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = closeConn(ctx) // what was asked has been answered
}

// sourceFacts is one row. Settings come from pg_settings because
// current_setting raises an error for those that the role may not see.
const sourceFacts = `
SELECT pg_is_in_recovery(),
       current_setting('server_version_num')::int / 10000,
       (SELECT coalesce(sum(pg_database_size(oid)), 0)::int8 FROM pg_database),
       current_setting('max_wal_senders')::int - (SELECT count(*)::int FROM pg_stat_replication),
       current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots),
       EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1),
       ARRAY(SELECT f.name FROM pg_settings f, pg_settings d
              WHERE f.name IN ('config_file', 'hba_file', 'ident_file') AND d.name = 'data_directory'
                AND NOT starts_with(f.setting, d.setting || '/') ORDER BY 1)`

// askSource asks the primary all that Plan wants to know of it.
func (e *Engine) askSource(ctx context.Context, source, node cluster.Node) (*Source, error) {
	s := &Source{}
	var outside []string
	err := e.with(ctx, source, func(conn *pgx.Conn) error {
		err := conn.QueryRow(ctx, sourceFacts, node.SlotName()).Scan(&s.InRecovery, &s.Major, &s.Bytes,
			&s.FreeSenders, &s.FreeSlots, &s.HasSlot, &outside)
		if err != nil {
			return err
		}
		if s.Tablespaces, err = askTablespaces(ctx, conn); err != nil {
			return err
		}
		if s.OldestLog, err = askOldestLog(ctx, conn); err != nil {
			return err
		}
		return e.askRights(ctx, conn, source, s)
	})
	if err != nil {
		return nil, err
	}
	for _, name := range outside {
		if name == "config_file" {
			s.ConfigOutside = true
		} else {
			s.FilesOutside = append(s.FilesOutside, name)
		}
	}
	if err := e.identify(ctx, source, s); err != nil {
		s.ReplicationError = strings.Join(strings.Fields(err.Error()), " ") // pgx spreads it over lines
	}
	return s, ctx.Err()
}

// flushed is the position up to which the primary's log can be streamed now.
func (e *Engine) flushed(ctx context.Context, source cluster.Node) (cluster.LSN, error) {
	var text string
	err := e.with(ctx, source, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&text)
	})
	if err != nil {
		return 0, err
	}
	return cluster.ParseLSN(text)
}
