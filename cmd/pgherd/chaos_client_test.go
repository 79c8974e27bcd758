package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// chaosRow is a row of table acked.
type chaosRow struct{ client, n int64 }

// chaosClient writes a counter of its own and rows, and reads everybody's counters.
type chaosClient struct {
	*chaos
	id     int64
	random *rand.Rand
	conn   *pgx.Conn
	seen   [busyClients]int64 // what this session must not read behind
	n      int64              // the last that was tried

	acked  int64      // of its counter
	rows   []chaosRow // acknowledged since the last look
	rounds atomic.Int64
}

func (c *chaos) createTables() {
	c.Helper()
	c.mustPSQL("bench", "CREATE TABLE counter (id int PRIMARY KEY, n bigint)")
	c.mustPSQL("bench", "INSERT INTO counter SELECT i, 0 FROM generate_series(0, 15) i")
	c.mustPSQL("bench", "CREATE TABLE acked (client bigint, n bigint, PRIMARY KEY (client, n))")
}

// startClients returns what stops and awaits them.
func (c *chaos) startClients() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for id := range busyClients {
		x := &chaosClient{chaos: c, id: int64(id), random: rand.New(rand.NewPCG(c.random.Uint64(), 1))}
		c.clients = append(c.clients, x)
		wg.Go(func() { x.run(ctx) })
		dice := rand.New(rand.NewPCG(c.random.Uint64(), 2))
		wg.Go(func() { c.visitor(ctx, dice) })
	}
	return sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// allowed are the errors that trouble may cause, by SQLSTATE.
var allowed = []string{
	"08000", // nobody came free within query_wait_timeout
	"08006", // a read was lost in the middle of its result
	"08007", // the outcome of a write is unknown
	"40001", // a transaction was lost, or what was read last may have been
	"57P01", // pgherd ends, or a session's state was lost with its node
	"57P03", // no primary
	"53300", // a node that starts has no room yet
}

// tolerate notes an error, and reports whether the session goes on.
func (c *chaos) tolerate(ctx context.Context, what string, conn *pgx.Conn, err error) bool {
	e, told := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil || ctx.Err() != nil:
	case told:
		c.count(e.Code)
		if !slices.Contains(allowed, e.Code) {
			c.note("%s: %v", what, err)
			c.Errorf("%s: %v", what, err)
		}
	default:
		c.count("disconnected")
	}
	return conn != nil && !conn.IsClosed()
}

func (c *chaosClient) run(ctx context.Context) {
	defer func() {
		if c.conn != nil {
			_ = c.conn.Close(context.Background())
		}
	}()
	for ctx.Err() == nil {
		c.gate.RLock()
		c.round()
		c.gate.RUnlock()
		c.rounds.Add(1)
		time.Sleep(time.Duration(c.random.IntN(20)) * time.Millisecond) // so much log need not be copied
	}
}

// round is a session's next writes and reads.
func (c *chaosClient) round() {
	if c.conn == nil || c.conn.IsClosed() {
		c.connect()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*longestCommand)
	defer cancel()
	steps := []func(context.Context) error{c.write, c.read, c.insert, c.read, c.read, c.readAll}
	for _, step := range steps[:1+c.random.IntN(len(steps))] {
		if err := step(ctx); err != nil {
			if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "40001" {
				c.seen = [busyClients]int64{} // what others had not been promised may be lost
			}
			c.tolerate(context.Background(), "client", c.conn, err)
			break
		}
	}
	if ctx.Err() != nil {
		c.Errorf("client %d was stuck", c.id)
	}
}

func (c *chaosClient) connect() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		c.tolerate(ctx, "connect", nil, err)
		c.conn = nil
		return
	}
	c.conn, c.seen = conn, [busyClients]int64{}
}

func (c *chaosClient) write(ctx context.Context) error {
	c.n++
	// What a frozen server was told by a pgherd that is dead may still come.
	tag, err := c.conn.Exec(ctx, "UPDATE counter SET n = $2 WHERE id = $1 AND n < $2", c.id, c.n)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != 1 {
		c.Errorf("client %d wrote %d: %s", c.id, c.n, tag)
	}
	c.acked, c.seen[c.id] = c.n, c.n
	return nil
}

func (c *chaosClient) insert(ctx context.Context) error {
	c.n++
	tx, err := c.conn.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, "INSERT INTO acked VALUES ($1, $2)", c.id, c.n)
	}
	if err == nil {
		err = tx.Commit(ctx)
	} else if tx != nil {
		_ = tx.Rollback(ctx) // the error is told
	}
	if err != nil {
		return err
	}
	c.rows = append(c.rows, chaosRow{c.id, c.n})
	return nil
}

func (c *chaosClient) read(ctx context.Context) error {
	key := c.random.Int64N(busyClients)
	if c.random.IntN(2) == 0 {
		key = c.id
	}
	var n int64
	if err := c.conn.QueryRow(ctx, "SELECT n FROM counter WHERE id = $1", key).Scan(&n); err != nil {
		return err
	}
	c.saw(key, n)
	return nil
}

func (c *chaosClient) readAll(ctx context.Context) error {
	rows, err := c.conn.Query(ctx, "SELECT id, n FROM counter ORDER BY id", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	var key, n int64
	_, err = pgx.ForEachRow(rows, []any{&key, &n}, func() error { c.saw(key, n); return nil })
	return err
}

// saw compares with what the session has seen before.
func (c *chaosClient) saw(key, n int64) {
	if n < c.seen[key] {
		c.note("client %d read %d of counter %d and had seen %d", c.id, n, key, c.seen[key])
		c.Errorf("client %d read %d of counter %d and had seen %d", c.id, n, key, c.seen[key])
	}
	c.seen[key] = n
}

// visitor comes, does a few things, and goes, in order or not.
func (c *chaos) visitor(ctx context.Context, dice *rand.Rand) {
	for ctx.Err() == nil {
		c.gate.RLock()
		if c.visit(dice) {
			c.visits.Add(1)
		}
		c.gate.RUnlock()
		time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond) // people come at their own pace
	}
}

func (c *chaos) visit(dice *rand.Rand) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*longestCommand)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		return c.tolerate(context.Background(), "visitor's connect", nil, err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{"SELECT count(*) FROM acked", "BEGIN", "UPDATE counter SET n = n WHERE id = -1", "SET LOCAL work_mem TO '1MB'",
		"SELECT sum(n) FROM counter", "ROLLBACK", "SET application_name TO 'visitor'", "SHOW application_name"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			c.tolerate(context.Background(), "visitor", conn, err)
			return false
		}
		if dice.IntN(20) == 0 {
			_ = conn.PgConn().Conn().Close() // without a word
			return false
		}
	}
	return true
}
