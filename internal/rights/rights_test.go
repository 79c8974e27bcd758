package rights_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/rights"
)

// The statements of the remedy mend all that was missing, for a role of any name.
func TestGrants(t *testing.T) {
	c := pgtest.Cluster(t, 0)
	const role = `mon "100%s" itor`
	c.Exec(0, `CREATE ROLE "mon ""100%s"" itor"`)
	conn := c.Conn(0)
	if lacks, err := rights.Ask(t.Context(), conn); err != nil || len(lacks) > 0 {
		t.Errorf("a superuser lacks %v, %v", lacks, err)
	}
	if _, err := conn.Exec(t.Context(), `SET ROLE "mon ""100%s"" itor"`); err != nil {
		t.Fatal(err)
	}
	lacks, err := rights.Ask(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []rights.Part{rights.Watch, rights.Lead, rights.Demote, rights.Copy, rights.Rewind} {
		if len(lacks.For(p)) == 0 {
			t.Errorf("nothing is missing for part %d", p)
		}
	}
	for _, statement := range lacks.Grants(role) {
		c.Exec(0, statement)
	}
	if left, err := rights.Ask(t.Context(), conn); err != nil || len(left) > 0 {
		t.Errorf("after %q: %s, %v", lacks.Grants(role), left.Problem(role), err)
	}
}

// Before PostgreSQL 15 only a superuser may do some of it.
func TestBeforeGrantsOnParameters(t *testing.T) {
	lacks := rights.All(14).For(rights.Watch, rights.Lead)
	if text := lacks.Problem("w"); !strings.Contains(text, `role "w" lacks pg_monitor; REPLICATION; EXECUTE on pg_promote(boolean, integer), `) ||
		!strings.HasSuffix(text, "; SUPERUSER, for ALTER SYSTEM and CHECKPOINT") {
		t.Error(text)
	}
	if grants := lacks.Grants("w"); slices.ContainsFunc(grants, func(s string) bool { return strings.Contains(s, "PARAMETER") }) {
		t.Error(grants)
	}
	if left := lacks.Without(rights.Lead).Problem("w"); left != `role "w" lacks pg_monitor; REPLICATION` {
		t.Error(left)
	}
}
