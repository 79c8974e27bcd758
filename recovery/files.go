package recovery

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

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
		there, err := fileSizes(p.instance.Machine(), p.node.DataDirectory, paths)
		if err != nil {
			return err
		}
		t.Missing = append(t.Missing, lacking(paths, there)...)
		return e.askShortOf(ctx, p, paths, there)
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// askShortOf asks in the monitor's own database, where it was granted the function: files
// of any can be read there.
func (e *Engine) askShortOf(ctx context.Context, p *prepared, paths []string, there map[string]int64) error {
	t := p.facts.Target
	return e.with(ctx, p.source, func(conn *pgx.Conn) error {
		short, err := askShort(ctx, conn, paths, there, t.Log.Redo)
		t.Short = append(t.Short, short...)
		return err
	})
}

// fileSizes are the sizes in bytes of what is in the directories of paths, which are
// relative to dir. It reads each directory once: there may be many files, on another
// machine.
func fileSizes(m host.Machine, dir string, paths []string) (map[string]int64, error) {
	there := map[string]int64{}
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
			if info, err := e.Info(); err == nil { // else it went away meanwhile
				there[filepath.Join(sub, e.Name())] = info.Size()
			}
		}
	}
	return there, nil
}

// lacking are the paths that are not there.
func lacking(paths []string, there map[string]int64) (missing []string) {
	for _, path := range paths {
		if _, ok := there[path]; !ok {
			missing = append(missing, path)
		}
	}
	return missing
}

func texts(ctx context.Context, conn *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
