package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// CatalogReader reads what routing needs to know of a database's functions and relations.
type CatalogReader interface {
	// ReadCatalog must see what was committed before the call, so it asks the primary.
	ReadCatalog(ctx context.Context, database string) (*routing.Catalog, error)
}

const (
	catalogTimeout = 10 * time.Second // of reading one database's
	catalogRetry   = 10 * time.Second // after a failure
)

// catalogs are the pictures of the databases' catalogs. One goroutine, readCatalogs,
// renews them: each that is in use when it is older than relcache_expire, and each that
// DDL of a client has outdated; until that is done, it is pending.
type catalogs struct {
	pending *routing.Catalog
	wake    chan struct{} // one slot

	mu   sync.Mutex // guards all
	all  map[string]*catalog
	list []*catalog // the same
}

// catalog is that of one database.
type catalog struct {
	database string
	in       *catalogs
	current  atomic.Pointer[routing.Catalog]
	used     atomic.Bool // since it was read

	mu       sync.Mutex // guards outdated, and current against outdate
	outdated bool       // since reading began

	due    time.Time // when to read again; only readCatalogs touches it
	failed bool      // the last time; only readCatalogs touches it
}

func newCatalogs() *catalogs {
	return &catalogs{pending: routing.PendingCatalog(), wake: make(chan struct{}, 1), all: map[string]*catalog{}}
}

// of is the catalog of a database, which is read when it is used first.
func (c *catalogs) of(database string) *catalog {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[database]
	if one == nil {
		one = &catalog{database: database, in: c}
		one.current.Store(c.pending)
		c.all[database] = one
		c.list = append(c.list, one)
	}
	return one
}

// get is the present picture; nil when there is none to be had.
func (c *catalog) get() *routing.Catalog {
	if !c.used.Load() {
		c.used.Store(true)
		c.in.rouse()
	}
	return c.current.Load()
}

// outdate is called when DDL has been committed that may make the picture untrue.
func (c *catalog) outdate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outdated = true
	if c.current.Load() != nil {
		c.current.Store(c.in.pending)
	}
	c.in.rouse()
}

func (c *catalogs) rouse() {
	select {
	case c.wake <- struct{}{}:
	default: // readCatalogs has yet to come to it
	}
}

// readCatalogs runs until ctx ends.
func (s *Server) readCatalogs(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(s.renewCatalogs(ctx, time.Now()))
		select {
		case <-ctx.Done():
		case <-s.catalogs.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// renewCatalogs reads those that are due, one after another, and returns how long it
// is until the next one is.
func (s *Server) renewCatalogs(ctx context.Context, now time.Time) time.Duration {
	s.catalogs.mu.Lock()
	list := s.catalogs.list
	s.catalogs.mu.Unlock()
	wait := time.Hour
	for _, c := range list {
		if c.wanted(now) {
			s.readCatalog(ctx, c)
		}
		if c.used.Load() && !c.due.IsZero() {
			wait = min(wait, max(c.due.Sub(now), 0))
		}
	}
	return wait
}

// wanted says whether to read now: what nobody uses can wait until somebody does.
func (c *catalog) wanted(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	lapsed := c.outdated && !c.failed || !now.Before(c.due)
	return lapsed && c.used.Load()
}

func (s *Server) readCatalog(ctx context.Context, c *catalog) {
	config := s.config()
	c.begin()
	limited, cancel := context.WithTimeout(ctx, catalogTimeout)
	defer cancel()
	next, err := config.Catalogs.ReadCatalog(limited, c.database)
	c.finish(next, err)
	switch {
	case err != nil && !c.failed && ctx.Err() == nil:
		s.log.Warn("cannot read a database's catalog: its functions count as writing", "database", c.database, "error", err)
	case err == nil && c.failed:
		s.log.Info("read a database's catalog again", "database", c.database)
	}
	c.failed = err != nil
	c.due = time.Now().Add(catalogRetry)
	if err == nil {
		c.due = time.Now().Add(config.relcacheExpire())
	}
}

// forEver is relcache_expire 0.
const forEver = 100 * 365 * 24 * time.Hour

func (c *Config) relcacheExpire() time.Duration {
	if c.RelcacheExpire == 0 {
		return forEver
	}
	return c.RelcacheExpire
}

func (c *catalog) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outdated = false
	c.used.Store(false)
}

// finish publishes what was read, unless DDL has overtaken it.
func (c *catalog) finish(next *routing.Catalog, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil && !c.outdated:
		c.current.Store(next)
	case err != nil && c.current.Load() == c.in.pending:
		c.current.Store(nil) // else all its reads would be the primary's
	}
}

// judged are the facts of a statement as the configuration and the session's
// database have them.
func (s *session) judged(f *sqlparse.Facts) *sqlparse.Facts {
	if f == nil || s.shard.srv.nodes() == 1 {
		return f
	}
	return s.shard.srv.config().Judge.Facts(f, s.catalog())
}

// parse finds the facts of a text. The lists of texts count here, for the text is not
// at hand when a prepared statement runs.
func (s *session) parse(sql []byte) *sqlparse.Facts {
	return s.shard.srv.config().Judge.Text(s.shard.srv.parser.Parse(sql), sql)
}

// catalog is the picture of the session's database; nil when nobody reads it.
func (s *session) catalog() *routing.Catalog {
	if s.shard.srv.config().Catalogs == nil {
		return nil
	}
	return s.objects().get()
}

// objects finds the session's catalog, once.
func (s *session) objects() *catalog {
	if s.known == nil {
		s.known = s.shard.srv.catalogs.of(s.nodeDatabase())
	}
	return s.known
}

// redefined notes what a batch has done to the catalog; it counts from the end of
// the transaction.
func (s *session) redefined(e *effects, over bool) {
	s.redefines = s.redefines || e.redefines
	if s.redefines && over {
		s.redefines = false
		s.objects().outdate()
	}
}
