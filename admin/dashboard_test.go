package admin

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/sql"
)

// sql/views.sql offers every view of the console, with the present columns.
func TestViewsScript(t *testing.T) {
	head, _, found := strings.Cut(sql.Views, viewsBegin)
	_, tail, ends := strings.Cut(sql.Views, viewsEnd)
	if !found || !ends {
		t.Fatal("sql/views.sql has lost the lines that its views are between")
	}
	var made strings.Builder
	made.WriteString(head + viewsBegin + "\n")
	for _, v := range views(Deps{}) {
		made.WriteString(v.remote())
	}
	made.WriteString(viewsEnd + tail)
	if *rewrite {
		if err := os.WriteFile("../sql/views.sql", []byte(made.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if made.String() != sql.Views {
		t.Error("sql/views.sql is not up to date: go test ./admin -run TestViewsScript -rewrite")
	}
}

const (
	viewsBegin = "-- The views of the console; a test of package admin writes them."
	viewsEnd   = "-- The end of the views."
)

// remote makes a view of the same name and columns elsewhere. The function is the
// owner's, so that its readers need no account of the console's.
func (v view) remote() string {
	var names, typed []string
	for _, c := range v.columns {
		name := `"` + c.Name + `"`
		names = append(names, name)
		typed = append(typed, name+" "+c.Type.String())
	}
	list := strings.Join(typed, ", ")
	return fmt.Sprintf(`
CREATE FUNCTION pgherd.read_%[1]s() RETURNS TABLE (%[2]s)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, :"dblink_schema", pg_temp
AS $$
    SELECT t.* FROM dblink('pgherd'::text, 'SELECT %[3]s FROM %[1]s'::text)
        AS t (%[2]s)
$$;
CREATE VIEW pgherd.%[1]s AS SELECT * FROM pgherd.read_%[1]s();
COMMENT ON VIEW pgherd.%[1]s IS '%[4]s';
`, v.name, list, strings.Join(names, ", "), strings.ReplaceAll(v.help, "'", "''"))
}
