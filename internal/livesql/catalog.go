package livesql

import (
	"cmp"
	"context"
	"errors"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// errStrange ends the translation of a query over a relation of pg_catalog that
// we do not have: to us it is empty.
var errStrange = errors.New("a system catalog without rows")

// Catalog is the tables that can be selected from.
type Catalog struct {
	tables    []*Table
	system    []*Table // of pg_catalog
	functions map[string]signature
}

const (
	publicOID  = 2200 // of the schema public in PostgreSQL
	catalogOID = 11   // pg_catalog
	firstOID   = 16384
	ownerOID   = 10
	// of pg_default
	tablespaceOID = 1663
	catalogOwner  = "pgherd"
)

// NewCatalog has these tables in the schemas public and pgherd. extra stand beside
// pg_class and its kin in pg_catalog.
func NewCatalog(tables []*Table, extra ...*Table) *Catalog {
	c := &Catalog{tables: tables, functions: signatures()}
	c.system = append(c.systemTables(), extra...)
	return c
}

// find is a table by its name; nil for an unknown one of pg_catalog.
func (c *Catalog) find(v *pg.RangeVar) (*Table, error) {
	lists := map[string][]*Table{"": append(c.tables[:len(c.tables):len(c.tables)], c.system...),
		"public": c.tables, "pgherd": c.tables, "pg_catalog": c.system}
	list, known := lists[v.Schemaname]
	i := slices.IndexFunc(list, func(t *Table) bool { return t.Name == v.Relname })
	switch {
	case i >= 0:
		return list[i], nil
	case v.Schemaname == "pg_catalog" || v.Schemaname == "information_schema",
		v.Schemaname == "" && len(v.Relname) > 3 && v.Relname[:3] == "pg_":
		return nil, nil
	case !known:
		return nil, fail(codeUndefinedTable, v.Location, "relation \"%s.%s\" does not exist", v.Schemaname, v.Relname)
	}
	e := fail(codeUndefinedTable, v.Location, "relation %q does not exist", v.Relname)
	var names []string
	for _, t := range c.tables {
		names = append(names, t.Name)
	}
	e.Hint = cmp.Or(didYouMean(v.Relname, names), `\d lists the console's views`)
	return nil, e
}

// oid numbers the tables as they stand.
func (c *Catalog) oid(t *Table) uint32 { return uint32(firstOID + slices.Index(c.tables, t)) }

// fixed is a system table whose rows do not change.
func fixed(name string, columns []Column, rows ...[]any) *Table {
	return &Table{Name: name, Columns: columns, Rows: func(context.Context) ([][]any, error) { return rows, nil }}
}

func text(names ...string) []Column  { return typed(Text, names) }
func oids(names ...string) []Column  { return typed(OID, names) }
func ints(names ...string) []Column  { return typed(Int4, names) }
func bools(names ...string) []Column { return typed(Bool, names) }

func typed(t Type, names []string) []Column {
	var columns []Column
	for _, n := range names {
		columns = append(columns, Column{Name: n, Type: t})
	}
	return columns
}

// systemTables are as much of pg_catalog as psql's \d, its tab completion and
// drivers ask for.
func (c *Catalog) systemTables() []*Table {
	return []*Table{
		fixed("pg_namespace", slices.Concat(oids("oid"), text("nspname"), oids("nspowner"), text("nspacl")),
			[]any{catalogOID, "pg_catalog", ownerOID, nil}, []any{publicOID, "public", ownerOID, nil}),
		c.pgClass(), c.pgAttribute(), pgType(),
		fixed("pg_am", slices.Concat(oids("oid"), text("amname", "amtype"))),
		fixed("pg_attrdef", slices.Concat(oids("oid", "adrelid"), ints("adnum"), text("adbin"))),
		fixed("pg_collation", slices.Concat(oids("oid"), text("collname"))),
		fixed("pg_description", slices.Concat(oids("objoid", "classoid"), ints("objsubid"), text("description"))),
		fixed("pg_index", oids("indexrelid", "indrelid")),
		fixed("pg_roles", slices.Concat(oids("oid"), text("rolname"), bools("rolsuper", "rolinherit", "rolcreaterole", "rolcreatedb",
			"rolcanlogin", "rolreplication", "rolbypassrls"), ints("rolconnlimit"), typed(Timestamptz, []string{"rolvaliduntil"})),
			[]any{ownerOID, catalogOwner, false, true, false, false, true, false, false, -1, nil}),
		fixed("pg_tablespace", slices.Concat(oids("oid"), text("spcname")), []any{tablespaceOID, "pg_default"}),
	}
}

func (c *Catalog) pgClass() *Table {
	columns := slices.Concat(oids("oid"), text("relname"), oids("relnamespace", "reltype", "reloftype", "relowner", "relam",
		"reltablespace", "reltoastrelid"), bools("relhasindex"), text("relpersistence", "relkind"), ints("relnatts", "relchecks"),
		bools("relhasrules", "relhastriggers", "relrowsecurity", "relforcerowsecurity", "relispartition"),
		text("relreplident", "relpartbound", "reloptions", "relacl"))
	return &Table{Name: "pg_class", Columns: columns, Rows: func(context.Context) ([][]any, error) {
		var rows [][]any
		for _, t := range c.tables {
			rows = append(rows, []any{c.oid(t), t.Name, publicOID, 0, 0, ownerOID, 0, 0, 0, false, "p", "r", len(t.Columns), 0,
				false, false, false, false, false, "d", nil, nil, nil})
		}
		return rows, nil
	}}
}

func (c *Catalog) pgAttribute() *Table {
	columns := slices.Concat(oids("attrelid"), text("attname"), oids("atttypid"), ints("attnum", "atttypmod"),
		bools("attnotnull", "atthasdef", "attisdropped"), text("attidentity", "attgenerated"), oids("attcollation"),
		text("attstorage", "attcompression"), ints("attstattarget", "attlen"))
	return &Table{Name: "pg_attribute", Columns: columns, Rows: func(context.Context) ([][]any, error) {
		var rows [][]any
		for _, t := range c.tables {
			for i, a := range t.Columns {
				rows = append(rows, []any{c.oid(t), a.Name, a.Type.OID(), i + 1, -1, false, false, false, "", "", 0, "p", "", -1,
					int(a.Type.Size())})
			}
		}
		return rows, nil
	}}
}

func pgType() *Table {
	var rows [][]any
	for _, t := range allTypes() {
		f := t.facts()
		rows = append(rows, []any{f.oid, f.name, catalogOID, ownerOID, int(f.size), "b", "U", ",", 0, 0, 0, 0, 0, -1, true})
	}
	columns := slices.Concat(oids("oid"), text("typname"), oids("typnamespace", "typowner"), ints("typlen"),
		text("typtype", "typcategory", "typdelim"), oids("typrelid", "typelem", "typarray", "typbasetype", "typcollation"),
		ints("typtypmod"), bools("typisdefined"))
	return fixed("pg_type", columns, rows...)
}
