package admin

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pgherd/pgherd/internal/livesql"
)

// view is a table of live state: SHOW prints it, SELECT reads it.
type view struct {
	name     string // in lower case
	help     string // one line
	audience privilege
	style    style
	columns  []livesql.Column
	rows     func(ctx context.Context) ([][]any, error)
	older    map[string]string // columns of PgBouncers before 1.25, and what they are called now
}

// withOlder has SHOW print the older columns behind the present ones, for
// exporters that look for them.
func (v view) withOlder() view {
	rows := v.rows
	var from []int
	for _, name := range slices.Sorted(maps.Keys(v.older)) {
		i := slices.IndexFunc(v.columns, func(c livesql.Column) bool { return c.Name == v.older[name] })
		from = append(from, i)
		old := v.columns[i]
		old.Name = name
		v.columns = append(v.columns[:len(v.columns):len(v.columns)], old)
	}
	v.rows = func(ctx context.Context) ([][]any, error) {
		list, err := rows(ctx)
		for r := range list {
			for _, i := range from {
				list[r] = append(list[r], list[r][i])
			}
		}
		return list, err
	}
	return v
}

// style is how SHOW prints what the program that a view is taken from prints
// otherwise than PostgreSQL. To SELECT all are PostgreSQL's types.
type style int

const (
	ownStyle       style = iota
	pgpoolStyle          // times are local without a zone, booleans are words
	pgbouncerStyle       // times are local with the zone's name
)

// columns reads "name:type ...". Types are s text, i int4, q int8, f numeric with
// six digits, n numeric, b bool, t timestamptz, v interval.
func columns(list string) []livesql.Column {
	types := map[string]livesql.Column{"s": {Type: livesql.Text}, "i": {Type: livesql.Int4}, "q": {Type: livesql.Int8},
		"f": {Type: livesql.Numeric, Scale: 6}, "n": {Type: livesql.Numeric}, "b": {Type: livesql.Bool},
		"t": {Type: livesql.Timestamptz}, "v": {Type: livesql.Interval}}
	var made []livesql.Column
	for _, word := range strings.Fields(list) {
		name, letter, _ := strings.Cut(word, ":")
		c := types[letter]
		c.Name = name
		made = append(made, c)
	}
	return made
}

// command is SHOW for the view.
func (v view) command() command {
	return command{
		words:     []string{"SHOW", strings.ToUpper(v.name)},
		help:      v.help,
		privilege: v.audience,
		columns:   v.shownColumns(),
		parse:     func(a *args) (runFunc, error) { return v.show, v.nothingMore(a) },
	}
}

func (v view) show(ctx context.Context, _ func(string)) ([][]any, error) {
	rows, err := v.rows(ctx)
	for _, row := range rows {
		for i := range row {
			row[i] = v.style.shown(row[i])
		}
	}
	return rows, err
}

// nothingMore tells who wants to filter or sort how to.
func (v view) nothingMore(a *args) error {
	t := a.peek()
	err := a.end()
	if e, ok := errors.AsType[*sqlError](err); ok && (t.is("WHERE") || t.is("ORDER") || t.is("LIMIT") || t.is("LIKE")) {
		e.hint = "SELECT * FROM " + v.name + " " + strings.ToUpper(t.text) + " ... can do that"
	}
	return err
}

// table is what SELECT reads.
func (v view) table() *livesql.Table {
	return &livesql.Table{Name: v.name, Help: v.help, Columns: v.columns, Rows: v.rows}
}

func (v view) shownColumns() []livesql.Column {
	shown := append([]livesql.Column{}, v.columns...)
	for i, c := range shown {
		if v.style != ownStyle && c.Type == livesql.Timestamptz || v.style == pgpoolStyle && c.Type == livesql.Bool {
			shown[i].Type = livesql.Text
		}
	}
	return shown
}

// shown is a value as SHOW prints it.
func (s style) shown(value any) any {
	switch v := value.(type) {
	case time.Time:
		switch {
		case s == ownStyle:
		case v.IsZero():
			return ""
		case s == pgpoolStyle:
			return v.Local().Format(time.DateTime)
		default:
			return v.Local().Format("2006-01-02 15:04:05 MST")
		}
	case bool:
		if s == pgpoolStyle {
			return map[bool]string{true: "true", false: "false"}[v]
		}
	}
	return value
}

// views is all of them, in the order in which HELP shows them.
func views(d Deps) []view {
	return []view{
		poolNodes(d), poolVersion(d), poolProcesses(d), poolPools(d), poolCache(), poolStatus(d),
		poolHealthCheckStats(d), poolBackendStats(d),
		poolReplication(d), poolSettings(d), poolEvents(d), poolFailover(d), poolRoutes(d), poolSessions(d), poolRecovery(d),
		databases(d), pools(d), clients(d), servers(d), sockets(d), usersView(d), lists(d),
		stats(d), statsTotals(d), statsAverages(d), totals(d), configView(d), mem(), state(d), version(d),
	}
}

// catalog is what can be selected from.
func catalog(d Deps) *livesql.Catalog {
	var tables []*livesql.Table
	var names [][]any
	for _, v := range views(d) {
		tables = append(tables, v.table())
		names = append(names, []any{v.name})
	}
	// psql completes SHOW with these.
	settings := &livesql.Table{Name: "pg_settings", Columns: textColumns("name"),
		Rows: func(context.Context) ([][]any, error) { return names, nil }}
	databases := &livesql.Table{Name: "pg_database", Columns: columns("oid:q datname:s datdba:i encoding:i datcollate:s datctype:s " +
		"daticulocale:s datlocprovider:s datistemplate:b datallowconn:b datacl:s dattablespace:q"),
		Rows: func(context.Context) ([][]any, error) {
			return [][]any{{1, d.Config().Console.Database, 10, 6, "C", "C", nil, "c", false, true, nil, 1663}}, nil
		}}
	return livesql.NewCatalog(tables, settings, databases)
}
