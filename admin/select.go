package admin

import (
	"strings"

	"github.com/pgherd/pgherd/internal/livesql"
)

// queries are what HELP says of SELECT and COPY, which the language parses itself.
func queries() table {
	refuse := func(a *args) (runFunc, error) { return nil, a.fail() }
	return table{
		{words: []string{"SELECT"}, usage: "...", privilege: privilegeLook, parse: refuse,
			help: "a query over the same views as tables, in PostgreSQL's language; \\d lists them, \\d pool_nodes has the columns of one"},
		{words: []string{"COPY"}, usage: "view | (SELECT ...) TO STDOUT [WITH (...)]", privilege: privilegeLook, parse: refuse,
			help: "the rows as text or CSV"},
	}
}

// selects makes statements of a session's SELECTs. One that reads a view is for
// those who may look; the others, such as SELECT 1, are for everybody.
func (c *Console) selects(s Session) func(sql string, declared []uint32) (statement, error) {
	env := c.env(s)
	return func(sql string, declared []uint32) (statement, error) {
		q, err := c.catalog.Prepare(sql, declared, env)
		if err != nil {
			return statement{}, asSQLError(err)
		}
		made := reading("SELECT", q)
		if made.columns = q.Columns; made.columns == nil {
			made.columns = []livesql.Column{}
		}
		return made, nil
	}
}

// copies makes statements of a session's COPY ... TO STDOUT, as selects does.
func (c *Console) copies(s Session) func(sql string) (statement, error) {
	env := c.env(s)
	return func(sql string) (statement, error) {
		q, err := c.catalog.PrepareCopy(sql, env)
		if err != nil {
			return statement{}, asSQLError(err)
		}
		made := reading("COPY", q.Query)
		made.copy = q
		return made, nil
	}
}

// reading is a statement that reads what a query does.
func reading(word string, q *livesql.Query) statement {
	made := &command{words: []string{word}, privilege: privilegeNone}
	if len(q.Reads) > 0 {
		made.privilege = privilegeLook
		made.words = []string{word, "FROM", strings.Join(q.Reads, ", ")}
	}
	return statement{command: made, text: made.name(), query: q}
}

// env is what a session's queries can ask of it.
func (c *Console) env(s Session) livesql.Env {
	env := livesql.Env{User: s.User, Database: s.Database, Version: "pgherd " + c.version, Settings: map[string]string{}}
	for name, value := range sessionSettings(s.Params) {
		env.Settings[strings.ToLower(name)] = value
	}
	return env
}
