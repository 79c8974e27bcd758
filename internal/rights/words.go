package rights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// objects are those of one kind, each once, joined; "" for none.
func (m Missing) objects(k kind) string {
	var names []string
	for _, r := range m {
		if r.kind == k && !slices.Contains(names, r.object) {
			names = append(names, r.object)
		}
	}
	return strings.Join(names, ", ")
}

// phrases puts each kind of which something is missing into a format with the objects.
func (m Missing) phrases(formats map[kind]string) []string {
	var list []string
	for k := member; k <= superuser; k++ {
		if objects := m.objects(k); objects != "" {
			list = append(list, fmt.Sprintf(formats[k], objects))
		}
	}
	return list
}

// Problem says what the role lacks, as in: role "pgherd" lacks REPLICATION; EXECUTE on
// pg_promote(boolean, integer).
func (m Missing) Problem(role string) string {
	return fmt.Sprintf("role %q lacks ", role) + strings.Join(m.phrases(map[kind]string{
		member: "%s", attribute: "%s", execute: "EXECUTE on %s", view: "SELECT on %s",
		alterSystem: "ALTER SYSTEM on %s", set: "SET on %s", superuser: "SUPERUSER, for %s",
	}), "; ")
}

// Grants are the statements that give it what it lacks. They are for a superuser, on the
// primary, in the monitor's database.
func (m Missing) Grants(role string) []string {
	to := " TO " + strings.ReplaceAll(pgx.Identifier{role}.Sanitize(), "%", "%%")
	alter := "ALTER ROLE" + strings.TrimPrefix(to, " TO")
	return m.phrases(map[kind]string{
		member: "GRANT %s" + to, attribute: alter + " %s", execute: "GRANT EXECUTE ON FUNCTION %s" + to, view: "GRANT SELECT ON %s" + to,
		alterSystem: "GRANT ALTER SYSTEM ON PARAMETER %s" + to, set: "GRANT SET ON PARAMETER %s" + to, superuser: alter + " SUPERUSER /* for %s, unless the nodes have access local or ssh */",
	})
}

// Remedy is a hint with the statements.
func (m Missing) Remedy(role, database string) string {
	return fmt.Sprintf("On the primary, in database %s: %s; pgherd role prints a script with all that pgherd needs.",
		database, strings.Join(m.Grants(role), "; "))
}
