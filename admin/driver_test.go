package admin

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestDriver runs queries in each way that pgx knows.
func TestDriver(t *testing.T) {
	modes := []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			conn := serve(t, testConsole(&engines{})).connect(t, "reader", nil)
			for range 2 { // the second time from the cache
				rows, err := conn.Query(t.Context(), "SHOW POOL_NODES", mode)
				if err != nil {
					t.Fatal(err)
				}
				nodes, err := pgx.CollectRows(rows, pgx.RowToMap)
				if err != nil || len(nodes) != 3 || nodes[1]["hostname"] != "10.0.0.2" {
					t.Errorf("got %v, %v", nodes, err)
				}
			}
		})
	}
}

func TestDriverTransaction(t *testing.T) {
	e := &engines{}
	conn := serve(t, testConsole(e)).connect(t, "admin", nil)
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "ATTACH NODE 1")
		return err
	})
	if err != nil || !slices.Equal(e.noted(), []string{"attach"}) {
		t.Errorf("ran %q: %v", e.noted(), err)
	}
	if status := conn.PgConn().TxStatus(); status != 'I' {
		t.Errorf("transaction status %c", status)
	}
}

func TestDeallocate(t *testing.T) {
	conn := serve(t, testConsole(&engines{})).connect(t, "reader", nil)
	for _, drop := range []string{`DEALLOCATE "My One"`, "DEALLOCATE PREPARE \"My One\"", "DEALLOCATE ALL", "DISCARD ALL"} {
		if _, err := conn.PgConn().Prepare(t.Context(), "My One", "HELP", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.PgConn().Exec(t.Context(), drop).ReadAll(); err != nil {
			t.Fatal(err)
		}
		err := conn.PgConn().ExecPrepared(t.Context(), "My One", nil, nil, nil).Read().Err
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "26000" {
			t.Errorf("after %s: %v", drop, err)
		}
	}
}

// Ensure that types which no view has come to drivers as what they are.
func TestDriverTypes(t *testing.T) {
	conn := serve(t, testConsole(&engines{})).connect(t, "stats", nil)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol} {
		var hosts []string
		var ids []int32
		var date, local time.Time
		err := conn.QueryRow(t.Context(), "SELECT array_agg(hostname), array_agg(node_id), date '2024-05-06' + $1::int, timestamp '2024-05-06 07:08' FROM pool_nodes",
			mode, 1).Scan(&hosts, &ids, &date, &local)
		if err != nil || !slices.Equal(hosts, []string{"10.0.0.1", "10.0.0.2", "::1"}) || !slices.Equal(ids, []int32{0, 1, 2}) {
			t.Errorf("%s: %q, %v: %v", mode, hosts, ids, err)
		}
		if date.Format(time.DateOnly) != "2024-05-07" || local.Format(time.DateTime) != "2024-05-06 07:08:00" {
			t.Errorf("%s: %v, %v", mode, date, local)
		}
	}
}
