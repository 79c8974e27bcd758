package admin

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/livesql"
	"github.com/pgherd/pgherd/internal/wire"
)

// inside is the statements that Pgpool-II answers in any session, whatever its
// database.
func inside(d Deps, views []view) table {
	var t table
	for _, v := range views {
		if strings.HasPrefix(v.name, "pool_") {
			t = append(t, v.command())
		}
	}
	return append(t, pgpoolCommands(d)...)
}

// Describe is the columns of what Answer answers, as a frame: RowDescription, in
// which all is text as in PostgreSQL's own SHOW, or NoData. The error is a
// *wire.Error.
func (c *Console) Describe(user, sql string) ([]byte, error) {
	stmt, err := c.insideStatement(user, sql)
	if err != nil {
		return nil, err
	}
	return describe(asText(stmt.columns), nil).Encode(nil)
}

// Answer carries a statement out: NoticeResponse, DataRow and CommandComplete, as
// frames.
func (c *Console) Answer(ctx context.Context, user, sql string) ([]byte, error) {
	stmt, err := c.insideStatement(user, sql)
	if err != nil {
		return nil, err
	}
	out := outbox{}
	rows, err := stmt.run(ctx, func(text string) {
		out.add((*pgproto3.NoticeResponse)(newError("00000", "%s", text).response("NOTICE")))
	})
	if err != nil {
		return nil, asSQLError(err).onWire()
	}
	for _, row := range rows {
		out.add(textRow(row, stmt.columns))
	}
	tag := stmt.tag
	if stmt.columns != nil {
		tag = "SELECT " + strconv.Itoa(len(rows))
	}
	out.add(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
	return out.buf, out.err
}

// insideStatement is the one statement of a text.
func (c *Console) insideStatement(user, sql string) (*statement, error) {
	statements, err := language{table: c.inside}.parse(sql, nil)
	switch {
	case err != nil:
		return nil, asSQLError(err).onWire()
	case len(statements) != 1:
		return nil, newError(codeSyntax, "what pgherd answers itself must stand alone in a query").onWire()
	case !c.privilegeOf(user).covers(statements[0].privilege):
		return nil, asSQLError(denied(statements[0].command, user)).onWire()
	}
	return &statements[0], nil
}

func asText(columns []livesql.Column) []livesql.Column {
	if columns == nil {
		return nil
	}
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	return textColumns(names...)
}

func textRow(row []any, columns []livesql.Column) *pgproto3.DataRow {
	values := make([][]byte, len(row))
	for i, v := range livesql.Normal(row) {
		if v != nil {
			values[i] = livesql.AppendText([]byte{}, v, columns[i], time.UTC)
		}
	}
	return &pgproto3.DataRow{Values: values}
}

// onWire is the error for a session of the server's.
func (e *sqlError) onWire() *wire.Error {
	return &wire.Error{Severity: wire.SeverityError, Code: e.code, Message: clean(e.message), Detail: clean(e.detail),
		Hint: clean(e.hint), Position: e.position}
}
