package admin

import (
	"strings"

	"github.com/pgherd/pgherd/internal/livesql"
)

// selects makes statements of a session's SELECTs. One that reads a view is for
// those who may look; the others, such as SELECT 1, are for everybody.
func (c *Console) selects(s Session) func(sql string, declared []uint32) (statement, error) {
	env := livesql.Env{User: s.User, Database: s.Database, Version: "pgherd " + c.version, Settings: map[string]string{}}
	for name, value := range sessionSettings(s.Params) {
		env.Settings[strings.ToLower(name)] = value
	}
	return func(sql string, declared []uint32) (statement, error) {
		q, err := c.catalog.Prepare(sql, declared, env)
		if err != nil {
			return statement{}, asSQLError(err)
		}
		made := &command{words: []string{"SELECT"}, privilege: privilegeNone, columns: q.Columns}
		if len(q.Reads) > 0 {
			made.privilege = privilegeLook
			made.words = []string{"SELECT FROM", strings.Join(q.Reads, ", ")}
		}
		if made.columns == nil {
			made.columns = []livesql.Column{}
		}
		return statement{command: made, text: made.name(), query: q}, nil
	}
}
