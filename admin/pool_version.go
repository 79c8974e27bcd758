package admin

import "context"

func poolVersion(d Deps) view {
	return view{name: "pool_version", help: "the version of pgherd", audience: privilegeNone, columns: columns("pool_version:s"),
		rows: func(context.Context) ([][]any, error) { return [][]any{{d.Version}}, nil }}
}

// version is PgBouncer's.
func version(d Deps) view {
	return view{name: "version", help: "the version of pgherd", audience: privilegeLook, columns: columns("version:s"),
		rows: func(context.Context) ([][]any, error) { return [][]any{{"pgherd " + d.Version}}, nil }}
}
