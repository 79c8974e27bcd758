package recovery

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/host"
)

// The log tells nothing of a file that a node has lost: replay makes a new one, of the
// pages that happen to be written, and the rest of the table is gone without an error.
// So the primary is asked for the files which the node had at its latest checkpoint:
// those of pg_class rows that had been committed by then. Later ones the replay makes,
// and those of a database that was copied since, whose rows may be as old as its
// template's. Mapped catalogs are left out, since their rows do not tell their files.
const (
	oldDatabases = `
SELECT datname::text FROM pg_database WHERE datallowconn AND age(xmin) > age($1::text::xid) ORDER BY datname`
	oldFiles = `
SELECT path FROM (SELECT pg_relation_filepath(oid) AS path FROM pg_class
                   WHERE relkind IN ('r', 'i', 'S', 't', 'm') AND relpersistence = 'p' AND relfilenode <> 0
                     AND age(xmin) > age($1::text::xid)) AS f
 WHERE path IS NOT NULL ORDER BY path`
)

// askFiles finds out which files the node has lost. A database that does not let the
// monitor in is passed over.
func (e *Engine) askFiles(ctx context.Context, p *prepared) error {
	t := p.facts.Target
	if t.Log == nil || p.facts.How.Procedure == Rebuild {
		return nil
	}
	var databases []string
	err := e.with(ctx, p.source, func(conn *pgx.Conn) (err error) {
		databases, err = texts(ctx, conn, oldDatabases, t.Log.Horizon)
		return err
	})
	for _, name := range databases {
		if err = e.askFilesOf(ctx, p, name); err != nil {
			break
		}
	}
	return err
}

func (e *Engine) askFilesOf(ctx context.Context, p *prepared, database string) error {
	t := p.facts.Target
	err := e.within(ctx, p.source, database, func(conn *pgx.Conn) error {
		paths, err := texts(ctx, conn, oldFiles, t.Log.Horizon)
		if err != nil {
			return err
		}
		missing, err := lacking(p.instance.Machine(), p.node.DataDirectory, paths)
		t.Missing = append(t.Missing, missing...)
		return err
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// lacking are the paths, relative to dir, that are not there. It reads each directory
// once: there may be many files, on another machine.
func lacking(m host.Machine, dir string, paths []string) ([]string, error) {
	there := map[string]bool{}
	looked := map[string]bool{}
	for _, path := range paths {
		sub := filepath.Dir(path)
		if looked[sub] {
			continue
		}
		looked[sub] = true
		entries, err := m.ReadDir(filepath.Join(dir, sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			there[filepath.Join(sub, e.Name())] = true
		}
	}
	return slices.DeleteFunc(paths, func(path string) bool { return there[path] }), nil
}

func texts(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
