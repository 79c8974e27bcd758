package livesql

import (
	"context"
	"errors"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"
	"modernc.org/sqlite"
)

// Env is what functions tell of the session.
type Env struct {
	User, Database, Version string
	Settings                map[string]string // for current_setting, names in lower case
}

// Query is a SELECT that was understood. It may be run any number of times.
type Query struct {
	Columns []Column
	Params  []uint32 // type OIDs
	Reads   []string // names of tables, those of pg_catalog left out

	sql     string
	tables  []*Table
	catalog *Catalog
	strange bool // nothing but a result without rows
}

const (
	maxText  = 16 << 10 // bytes of a query
	maxDepth = 1000     // brackets, operators and words: each may be a level of the tree
)

// Prepare reads a SELECT. declared are the type OIDs that Parse gave for the
// parameters; 0 leaves one open. A mistake is an *Error.
func (c *Catalog) Prepare(sql string, declared []uint32, env Env) (*Query, error) {
	node, err := parse(sql)
	if err != nil {
		return nil, err
	}
	if node.GetSelectStmt() == nil {
		return nil, fail(codeUnsupported, -1, "only SELECT can be said here")
	}
	return c.prepare(sql, node.GetSelectStmt(), declared, env)
}

func (c *Catalog) prepare(sql string, statement *pg.SelectStmt, declared []uint32, env Env) (*Query, error) {
	t := &translation{catalog: c, env: env}
	for _, oid := range declared {
		t.params = append(t.params, TypeOf(oid))
	}
	made, err := t.query(&scope{}, statement)
	if err == nil && len(made.columns) == 0 {
		err = unsupported(-1, "SELECT without a column")
	}
	if errors.Is(err, errStrange) || (err != nil && t.onlySystem()) {
		return empty(statement, t), nil
	}
	if err != nil {
		return nil, located(sql, err)
	}
	q := &Query{Columns: made.columns, Params: t.oids(declared), sql: made.sql, tables: t.tables, catalog: c}
	for _, table := range t.tables {
		if c.public(table) {
			q.Reads = append(q.Reads, table.Name)
		}
	}
	return q, nil
}

// onlySystem reports whether nothing but pg_catalog was read so far: drivers and
// psql ask it more than we understand, and can do without an answer.
func (t *translation) onlySystem() bool {
	for _, table := range t.tables {
		if t.catalog.public(table) {
			return false
		}
	}
	return len(t.tables) > 0
}

func (c *Catalog) public(t *Table) bool {
	for _, other := range c.tables {
		if other == t {
			return true
		}
	}
	return false
}

func (t *translation) oids(declared []uint32) []uint32 {
	list := make([]uint32, len(t.params))
	for i, typ := range t.params {
		list[i] = typ.OID()
		if i < len(declared) && declared[i] != 0 {
			list[i] = declared[i]
		}
	}
	return list
}

// parse allows one statement that pg_query's recursion can bear.
func parse(sql string) (*pg.Node, error) {
	if len(sql) > maxText || depth(sql) > maxDepth || strings.IndexByte(sql, 0) >= 0 {
		return nil, fail(codeTooComplex, -1, "the query is too long or too complex")
	}
	tree, err := pg.Parse(sql)
	if err != nil {
		return nil, syntaxError(err)
	}
	if len(tree.Stmts) != 1 {
		return nil, fail(codeUnsupported, -1, "only SELECT can be said here")
	}
	return tree.Stmts[0].Stmt, nil
}

// depth bounds the nesting of a text from above: words and operators may nest,
// constants and commas do not.
func depth(sql string) int {
	n, inWord := 0, false
	for _, r := range sql {
		word := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r >= 0x80
		if (word && !inWord) || strings.ContainsRune("([+-*/%^<>=!|&~@#:", r) {
			n++
		}
		inWord = word
	}
	return n
}

// empty is the answer to a query over system catalogs that we do not have.
func empty(s *pg.SelectStmt, t *translation) *Query {
	for s.Op != pg.SetOperation_SETOP_NONE {
		s = s.Larg
	}
	q := &Query{strange: true, Params: t.oids(nil)}
	for _, node := range s.TargetList {
		q.Columns = append(q.Columns, Column{Name: emptyName(node.GetResTarget()), Type: Text})
	}
	return q
}

func emptyName(target *pg.ResTarget) string {
	if c := target.Val.GetColumnRef(); c != nil && target.Name == "" {
		if s := c.Fields[len(c.Fields)-1].GetString_(); s != nil {
			return s.Sval
		}
	}
	return outputName(target, expr{})
}

// Run gives the rows; its values are nil, int64, float64 or string. It ends
// with ctx, whose cause it returns then, and when the result is too large.
func (q *Query) Run(ctx context.Context, args []any) ([][]any, error) {
	if q.strange {
		return nil, nil
	}
	e := &engine{query: q, now: time.Now(), snapshots: map[string][][]any{}}
	if err := e.collect(ctx); err != nil {
		return nil, err
	}
	rows, err := e.run(ctx, args)
	if err != nil {
		return nil, explain(ctx, err)
	}
	return rows, nil
}

const (
	maxRows = 1_000_000 // of one result
	maxSize = 64 << 20  // bytes of one result
)

// explain tells how a query failed.
func explain(ctx context.Context, err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if limit, ok := errors.AsType[*sqlite.Error](err); ok && outOf(limit) != nil {
		return outOf(limit)
	}
	text := err.Error()
	if strings.Contains(text, "integer overflow") { // of sum()
		return fail(codeOutOfRange, -1, "value out of range")
	}
	for _, code := range []string{codeDivisionByZero, codeOutOfRange, codeInvalidParameter, codeInvalidText,
		codeInvalidDatetime, codeInvalidRegexp, codeTooLarge, codeCardinality, codeUnsupported, codeSubstring, codeDatetimeField, codeRowCount} {
		if _, message, found := strings.Cut(text, code+": "); found {
			message, _, _ = strings.Cut(message, " (1)")
			return fail(code, -1, "%s", message)
		}
	}
	return fail(codeUnsupported, -1, "the console cannot carry out this query: %s", text)
}
