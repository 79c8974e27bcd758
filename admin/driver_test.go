package admin

import (
	"errors"
	"slices"
	"testing"

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
