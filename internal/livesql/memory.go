package livesql

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	maxHeap  = 128 << 20 // bytes that SQLite may use for all queries together
	maxValue = 16 << 20  // bytes of one value, also on the way to a result
)

// countHeap has SQLite count the memory that it uses: without that it knows no limit.
// It can be said only before the process first uses SQLite.
var countHeap = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.NewVaList(int32(1))
	defer libc.Xfree(tls, args)
	if code := sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_MEMSTATUS, args); code != sqlite3.SQLITE_OK {
		return fmt.Errorf("SQLite cannot be told to count its memory: code %d", code)
	}
	return nil
})

// bounded limits what a connection's queries may take.
func bounded(ctx context.Context, conn *sql.Conn) error {
	if _, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_LENGTH, maxValue); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA hard_heap_limit = %d", maxHeap))
	return err
}

// outOf tells which limit an error of SQLite is about.
func outOf(err *sqlite.Error) *Error {
	switch err.Code() & 0xff {
	case sqlite3.SQLITE_NOMEM:
		e := fail(codeOutOfMemory, -1, "out of memory: the console's queries may use %d MiB together", maxHeap>>20)
		e.Hint = "a query that sorts, groups or joins less needs less"
		return e
	case sqlite3.SQLITE_TOOBIG:
		return fail(codeTooLarge, -1, "a value is larger than %d MiB", maxValue>>20)
	}
	return nil
}
