package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Schema makes what the Generator's statements name.
const Schema = `
create table t (id int primary key, a int, b text, "Odd Name" numeric);
create table u (id int primary key, t_id int references t, d timestamp);
create sequence s;
create view v as select * from t;
create materialized view m as select a, count(*) from t group by a;
create function reads(int) returns int language sql stable as 'select count(*)::int + $1 from t';
create function writes(int) returns int language sql as 'insert into u values ($1) returning id';
insert into t select n, n % 7, 'b' || n, n / 3.0 from generate_series(1, 50) n;
insert into u select n, n, now() from generate_series(1, 50) n;
`

// Generator makes random statements: equal seeds make equal ones.
type Generator struct {
	random *rand.Rand
	depth  int
}

// NewGenerator starts at seed.
func NewGenerator(seed uint64) *Generator {
	return &Generator{random: rand.New(rand.NewPCG(seed, 0))}
}

// Next is another statement. About half of them only read.
func (g *Generator) Next() string {
	g.depth = 0
	switch g.random.IntN(8) {
	case 0, 1, 2, 3, 4:
		return g.with() + g.query()
	case 5:
		return g.with() + g.change()
	case 6:
		return g.utility()
	default:
		return g.pick("explain ", "explain analyze ", "explain (costs off) ", "declare c cursor for ") + g.query()
	}
}

func (g *Generator) pick(of ...string) string { return of[g.random.IntN(len(of))] }

func (g *Generator) chance(percent int) bool { return g.random.IntN(100) < percent }

// some joins 1 to most of what one makes.
func (g *Generator) some(most int, one func() string) string {
	list := one()
	for range g.random.IntN(most) {
		list += g.pick(",", ", ") + one()
	}
	return list
}

// maybe is one text in that many percent of the cases, or none.
func (g *Generator) maybe(percent int, one func() string) string {
	if g.chance(percent) {
		return one()
	}
	return ""
}

func (g *Generator) with() string {
	return g.maybe(15, func() string {
		body := g.query()
		if g.chance(30) {
			body = g.change() + " returning *"
		}
		return "with x as (" + body + ") "
	})
}

func (g *Generator) query() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.chance(10) {
		return "values " + g.some(4, func() string { return "(" + g.literal() + ", " + g.expression() + ")" })
	}
	sql := "select " + g.maybe(5, func() string { return "distinct " }) + g.some(3, g.column)
	sql += g.maybe(5, func() string { return " into temp x" + fmt.Sprint(g.random.IntN(1000)) })
	sql += g.maybe(85, func() string { return " from " + g.some(1+g.random.IntN(20)/19, g.source) })
	sql += g.maybe(60, func() string { return " where " + g.condition() })
	sql += g.maybe(15, func() string { return " order by 1 " + g.pick("asc", "desc nulls last", "using <") })
	sql += g.maybe(15, func() string { return " limit " + g.pick("1", "all", "null") })
	sql += g.maybe(6, func() string { return g.pick(" for update", " for share skip locked", " for no key update of t") })
	return sql + g.maybe(8, func() string { return g.pick(" union ", " union all ", " except ") + g.query() })
}

func (g *Generator) column() string {
	return g.expression() + g.maybe(15, func() string { return g.pick(" as x", ` "Y"`, " z") })
}

func (g *Generator) source() string {
	if g.depth < 3 && g.chance(20) {
		return g.pick("", "lateral ") + "(" + g.query() + ") as q" + fmt.Sprint(g.random.IntN(9))
	}
	return g.pick("t", "t", "t", "t", "t", "t", "t", "v", "m", "u", "m", "public.t", "only t", "pg_class", "pg_catalog.pg_type",
		"information_schema.tables", "generate_series(1, 3) g", "t join u on t.id = u.id", "t left join u using (id)",
		"s", "pg_stat_activity", "t tablesample system (50)", "reads(1)", "unnest(array[1, 2]) n")
}

func (g *Generator) condition() string {
	return g.pick(g.expression()+" "+g.pick("=", "<>", "<", ">=", "is distinct from")+" "+g.expression(),
		"id in ("+g.some(6, g.literal)+")", "exists ("+g.nested()+")", "b like 'x%'", "not a is null",
		"a between 1 and "+g.literal(), "id = any (array["+g.some(3, g.integer)+"])", "(a, id) in ((1, 2), (3, 4), (5, 6))")
}

// nested is a query while that is not too deep.
func (g *Generator) nested() string {
	if g.depth > 2 {
		return "select 1"
	}
	return g.query()
}

func (g *Generator) expression() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 4 || g.chance(75) {
		return g.pick("a", "id", "id", "a", `"Odd Name"`, g.literal(), "*")
	}
	return g.pick(g.expression()+g.pick("+", " - ", "*", "||", " %", "<@", "->>")+g.expression(),
		g.call()+"("+g.some(2, g.expression)+")", g.call()+"()", g.call()+"("+g.literal()+")",
		"("+g.nested()+")", "case when "+g.condition()+" then 1 end", "cast("+g.expression()+" as "+g.kind()+")",
		g.literal()+"::"+g.kind(), "array["+g.some(3, g.literal)+"]", "-"+g.expression(), "coalesce(a, "+g.literal()+")",
		g.pick("current_timestamp", "current_user", "localtime(0)", "current_date"))
}

func (g *Generator) kind() string {
	return g.pick("int", "text", "numeric(10,2)", "timestamp(3)", "varchar", "float8", "int[]", `"char"`)
}

func (g *Generator) call() string {
	return g.pick("count", "max", "lower", "abs", "now", "length", "reads", "public.reads", "writes", "nextval",
		"pg_catalog.nextval", "random", "txid_current", "txid_current_if_assigned", "pg_notify",
		"to_char", "row_number", "pg_advisory_xact_lock", "set_config", "current_setting", "pg_relation_size",
		"currval", "setval", "lo_creat", "string_agg", "version", "pg_export_snapshot", "row_to_json", "format")
}

func (g *Generator) integer() string { return fmt.Sprint(g.random.IntN(100)) }

func (g *Generator) literal() string {
	return g.pick(g.integer(), g.integer(), "'"+strings.Repeat("x", g.random.IntN(3))+"'", "'t'", "1.5", ".5e3", "null",
		"true", "'it''s'", `e'\''`, "$$a$$", "$q$ ; $q$", "'s'", "interval '1 day'", "date '2024-01-01'", "12345678901", "-1")
}

func (g *Generator) change() string {
	return g.pick("insert into t values "+g.some(4, func() string { return "(" + g.integer() + ", " + g.literal() + ")" })+" on conflict do nothing",
		"insert into u (id) "+g.nested(), "update t set a = "+g.expression()+" where "+g.condition(),
		"delete from u where "+g.condition(), "insert into t default values",
		"merge into t using u on t.id = u.id when matched then do nothing")
}

func (g *Generator) utility() string {
	return g.pick("copy t to stdout", "copy ("+g.query()+") to stdout", "show work_mem", "set local work_mem = '1MB'",
		"table t", "create temp table y (a int) on commit drop", "analyze t", "refresh materialized view m", "lock t",
		"truncate u", "comment on table t is 'x'", "do 'begin perform 1; end'", "prepare p as "+g.query(), "deallocate all",
		"begin", "commit", "savepoint a", "listen x", "notify x", "vacuum t", "create index on t (a)", "select 1; "+g.change(),
		"checkpoint", "discard plans", "fetch all from c", "set transaction read write", "call p()", "reset work_mem")
}
