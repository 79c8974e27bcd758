package routing

import "github.com/pgherd/pgherd/sqlparse"

// Name is a function or relation. Schema "" is what a statement that names none may
// mean: any of that name in the database, for its search path is not looked at.
type Name struct{ Schema, Name string }

// Catalog is what a database says of its own functions and relations. It is
// immutable. A nil Catalog is one that couldn't be read: functions count as writes,
// relations as tables.
type Catalog struct {
	reads   map[Name]struct{} // functions that are nowhere volatile
	shadows map[Name]struct{} // volatile ones that have the name of a built-in one
	primary map[Name]struct{} // relations that only the primary can or should read
	pending bool              // nothing is known yet
}

// PendingCatalog is the Catalog of a database while it is being read: anything may be
// a function that writes or an unlogged table.
func PendingCatalog() *Catalog { return &Catalog{pending: true} }

// CatalogFunction is all functions of one name in one schema.
type CatalogFunction struct {
	Name
	Volatile bool // one of them is (pg_proc.provolatile)
	BuiltIn  bool // pg_catalog has one of that name
}

// CatalogView is a view, with what it is made of.
type CatalogView struct {
	Name
	Locks     bool // FOR UPDATE and such are in it
	Calls     []Name
	Relations []Name
}

// NewCatalog makes a Catalog. pinned are the relations that only the primary can read,
// unlogged ones, or should: a standby's view of a sequence is ahead of it, by what is
// logged in advance. Views over such, and those that call what writes, are found here.
func NewCatalog(functions []CatalogFunction, pinned []Name, views []CatalogView) *Catalog {
	c := &Catalog{reads: map[Name]struct{}{}, shadows: map[Name]struct{}{}, primary: map[Name]struct{}{}}
	for _, f := range functions {
		c.addFunction(f)
	}
	for _, f := range functions {
		if f.Volatile || f.BuiltIn {
			delete(c.reads, Name{Name: f.Name.Name})
		}
	}
	for _, n := range pinned {
		c.pin(n)
	}
	for found := true; found; {
		found = false
		for _, v := range views {
			if _, known := c.primary[v.Name]; !known && c.needsPrimary(v) {
				c.pin(v.Name)
				found = true
			}
		}
	}
	return c
}

func (c *Catalog) addFunction(f CatalogFunction) {
	either := [...]Name{f.Name, {Name: f.Name.Name}}
	for _, n := range either {
		switch {
		case !f.Volatile:
			c.reads[n] = struct{}{}
		case f.BuiltIn:
			c.shadows[n] = struct{}{}
		}
	}
}

func (c *Catalog) pin(n Name) {
	c.primary[n] = struct{}{}
	c.primary[Name{Name: n.Name}] = struct{}{}
}

func (c *Catalog) needsPrimary(v CatalogView) bool {
	if v.Locks {
		return true
	}
	for _, f := range v.Calls {
		if !c.reading(f, f.Schema == "pg_catalog") {
			return true
		}
	}
	for _, r := range v.Relations {
		if c.onPrimary(r.Schema, r.Name) || r.Schema == "pg_catalog" && sqlparse.TellsOfNode(r.Name) {
			return true
		}
	}
	return false
}

// reading says whether a function only reads.
func (c *Catalog) reading(n Name, builtIn bool) bool {
	if c == nil {
		return builtIn && sqlparse.OnlyReads(n.Name)
	}
	if builtIn {
		_, shadowed := c.shadows[n]
		return sqlparse.OnlyReads(n.Name) && !shadowed
	}
	_, ok := c.reads[n]
	return ok
}

// onPrimary says whether a relation must be read on the primary.
func (c *Catalog) onPrimary(schema, name string) bool {
	if c == nil || len(c.primary) == 0 {
		return c != nil && c.pending
	}
	_, ok := c.primary[Name{schema, name}]
	return ok
}
