package sql

import _ "embed"

// Views is a script for psql that gives a database a schema pgherd, with the views of
// the console under their names; `pgherd views` prints it. Its variables are host,
// port, dbname and user of the console, and grantee, who may look.
//
//go:embed views.sql
var Views string
