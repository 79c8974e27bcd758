package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sql"
)

// CatalogQuery is the CatalogReader that asks the primary, on a connection of its own
// for each time.
type CatalogQuery struct {
	As       cluster.Credentials // Database is not used
	Board    *cluster.Board
	Unlogged bool // check_unlogged_table
}

// ReadCatalog implements CatalogReader.
func (q CatalogQuery) ReadCatalog(ctx context.Context, database string) (*routing.Catalog, error) {
	snap := q.Board.Current()
	if snap.Primary == cluster.NoNode {
		return nil, errors.New("there is no primary")
	}
	node := snap.Nodes[snap.Primary].Node
	conn, err := q.connect(ctx, node, database)
	if err != nil {
		return nil, fmt.Errorf("node %d: connecting to database %q as %q: %w", node.ID, database, q.As.User, err)
	}
	defer hangUp(conn)
	c, err := q.read(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("node %d: reading the catalog of %q: %w", node.ID, database, err)
	}
	return c, nil
}

func (q CatalogQuery) connect(ctx context.Context, n cluster.Node, database string) (*pgx.Conn, error) {
	info := n.OwnConninfo(q.As).With("dbname", database).With("application_name", "pgherd catalog")
	config, err := pgx.ParseConfig(info.String())
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = "pg_catalog, pg_temp"
	config.RuntimeParams["statement_timeout"] = fmt.Sprint(catalogTimeout.Milliseconds())
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return pgx.ConnectConfig(ctx, config)
}

func (q CatalogQuery) read(ctx context.Context, conn *pgx.Conn) (*routing.Catalog, error) {
	functions, err := collect(ctx, conn, sql.CatalogFunctions, func(row pgx.CollectableRow) (f routing.CatalogFunction, err error) {
		err = row.Scan(&f.Schema, &f.Name.Name, &f.Volatile, &f.BuiltIn)
		return f, err
	})
	if err != nil {
		return nil, err
	}
	relations, err := collect(ctx, conn, sql.CatalogRelations, scanRelation)
	if err != nil {
		return nil, err
	}
	parts, err := collect(ctx, conn, sql.CatalogViews, scanPart)
	if err != nil {
		return nil, err
	}
	return routing.NewCatalog(functions, q.pinned(relations), viewsOf(parts)), nil
}

func collect[T any](ctx context.Context, conn *pgx.Conn, query string, scan func(pgx.CollectableRow) (T, error)) ([]T, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// pinnedRelation is a row of sql.CatalogRelations.
type pinnedRelation struct {
	name     routing.Name
	sequence bool // else it is unlogged
}

func scanRelation(row pgx.CollectableRow) (r pinnedRelation, err error) {
	err = row.Scan(&r.name.Schema, &r.name.Name, &r.sequence)
	return r, err
}

func (q CatalogQuery) pinned(relations []pinnedRelation) (names []routing.Name) {
	for _, r := range relations {
		if r.sequence || q.Unlogged {
			names = append(names, r.name)
		}
	}
	return names
}

// viewPart is a row of sql.CatalogViews.
type viewPart struct {
	view routing.Name
	kind string
	name routing.Name
}

func scanPart(row pgx.CollectableRow) (p viewPart, err error) {
	err = row.Scan(&p.view.Schema, &p.view.Name, &p.kind, &p.name.Schema, &p.name.Name)
	return p, err
}

func viewsOf(parts []viewPart) []routing.CatalogView {
	at := map[routing.Name]int{}
	var views []routing.CatalogView
	for _, p := range parts {
		i, ok := at[p.view]
		if !ok {
			i, at[p.view] = len(views), len(views)
			views = append(views, routing.CatalogView{Name: p.view})
		}
		switch v := &views[i]; p.kind {
		case "call":
			v.Calls = append(v.Calls, p.name)
		case "relation":
			v.Relations = append(v.Relations, p.name)
		case "lock":
			v.Locks = true
		}
	}
	return views
}

func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = conn.Close(ctx) // nothing depends on it
}
