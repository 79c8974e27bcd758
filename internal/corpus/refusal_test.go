package corpus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pgherd/pgherd/internal/corpus"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sqlparse"
)

// checker sends texts to a server: first what counts as a read, as a standby would run
// it, then all, so that later texts find what earlier ones made.
type checker struct {
	t      *testing.T
	conn   *pgconn.PgConn
	parser *sqlparse.Parser
	reads  int // that ran
	failed int // for other reasons than that they write
}

func newChecker(t *testing.T, c *pgtest.TestCluster) *checker {
	conn := c.Conn(0).PgConn()
	k := &checker{t: t, conn: conn, parser: sqlparse.New(10000)}
	k.exec("set statement_timeout = '2s'; set lock_timeout = '1s'")
	return k
}

func (k *checker) exec(sql string) ([]*pgconn.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return k.conn.Exec(ctx, sql).ReadAll()
}

func (k *checker) check(text corpus.Text) {
	facts := k.parser.Parse([]byte(text.SQL))
	if facts.ReadOnly() && facts.Kind != sqlparse.Empty && !changesState(facts) && k.conn.TxStatus() == 'I' {
		k.read(text)
	}
	switch {
	case text.Data != "":
		k.conn.CopyFrom(context.Background(), strings.NewReader(text.Data), text.SQL)
	case facts.Kind != sqlparse.CopyFrom:
		k.exec(text.SQL)
	}
}

// changesState: these mean something else in the transaction that the check opens.
func changesState(f *sqlparse.Facts) bool {
	return f.Traits&(sqlparse.Begins|sqlparse.Ends|sqlparse.SessionState) != 0 || f.Kind == sqlparse.Savepoint ||
		f.Kind == sqlparse.Release || f.Kind == sqlparse.RollbackTo
}

// read runs it in a read-only transaction, where it must neither be refused for writing
// nor get a transaction ID.
func (k *checker) read(text corpus.Text) {
	k.exec("begin read only")
	_, err := k.exec(text.SQL)
	var problem *pgconn.PgError
	switch {
	case errors.As(err, &problem) && problem.Code == "25006":
		k.t.Errorf("%s: %q counts as a read, but: %s", text.From, text.SQL, problem.Message)
	case err != nil:
		k.failed++
	default:
		k.reads++
		rows, err := k.exec("select pg_current_xact_id_if_assigned()")
		if err == nil && rows[0].Rows[0][0] != nil {
			k.t.Errorf("%s: %q counts as a read, but got a transaction ID", text.From, text.SQL)
		}
	}
	k.exec("rollback")
}

// TestReadsDoNotWrite: what counts as a read is never refused by a read-only
// transaction: of random statements, and of the files in $PGHERD_CORPUS (see
// scripts/corpus.sh). Views and operators that write are not in the schema: only the
// server knows of those (see sqlparse's documentation).
func TestReadsDoNotWrite(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	c.Exec(0, corpus.Schema)
	k, g := newChecker(t, c), corpus.NewGenerator(7)
	for range 1000 {
		k.check(corpus.Text{SQL: g.Next(), From: "generated"})
	}
	files, _ := filepath.Glob(filepath.Join(os.Getenv("PGHERD_CORPUS"), "*.sql"))
	for _, name := range files {
		k.checkFile(c, name)
	}
	if t.Logf("%d reads ran, %d failed", k.reads, k.failed); k.reads < 50 {
		t.Errorf("only %d reads ran", k.reads)
	}
}

// checkFile begins in a state that doesn't matter: files of a suite build on another.
func (k *checker) checkFile(c *pgtest.TestCluster, name string) {
	texts, err := corpus.Read(name)
	if err != nil {
		k.t.Fatal(err)
	}
	k.exec("rollback; reset all; set statement_timeout = '2s'; set lock_timeout = '1s'; drop table if exists t, u cascade")
	for _, text := range texts {
		if k.conn.IsClosed() {
			k.conn = c.Conn(0).PgConn()
		}
		k.check(text)
	}
}
