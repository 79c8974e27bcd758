package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/history"
)

const (
	writeCounter = "UPDATE counter SET n = $2 WHERE id = $1"
	readCounter  = "SELECT n, port() FROM counter WHERE id = $1"

	// Built in, it would bind a transaction to the node that answers first.
	createPort = "CREATE FUNCTION port() RETURNS int STABLE LANGUAGE sql RETURN current_setting('port')::int"
)

// counterClient writes a counter of its own and reads everybody's, and notes it.
type counterClient struct {
	rig    *rig
	id     int
	began  time.Time
	until  time.Time
	random *rand.Rand
	conn   *pgx.Conn
	n      int64 // the last version written
	ops    []history.Op
}

// protocols are the ways to say things: pgx's name, and how a round is made.
var protocols = [...]struct {
	mode  string
	round func(*counterClient, context.Context) error
}{
	{"simple_protocol", (*counterClient).single},
	{"exec", (*counterClient).single},            // the unnamed statement
	{"cache_statement", (*counterClient).single}, // named ones
	{"cache_statement", (*counterClient).pipelined},
	{"cache_describe", (*counterClient).transaction},
}

func (c *counterClient) run() (err error) {
	ctx := context.Background()
	p := protocols[c.id%len(protocols)]
	if c.conn, err = c.rig.connect(ctx, "bench", "default_query_exec_mode="+p.mode); err != nil {
		return err
	}
	defer c.conn.Close(ctx)
	for time.Now().Before(c.until) {
		if err := p.round(c, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.mode, err)
		}
	}
	return nil
}

// key is often its own.
func (c *counterClient) key() int {
	if c.random.IntN(2) == 0 {
		return c.id
	}
	return c.random.IntN(busyClients)
}

func (c *counterClient) now() time.Duration { return time.Since(c.began) }

func (c *counterClient) note(kind history.Kind, key int, version int64, call time.Duration, node int) {
	c.ops = append(c.ops, history.Op{Client: c.id, Kind: kind, Key: key, Version: version, Call: call, Return: c.now(), Node: node})
}

// single writes once and reads a few times, each statement by itself.
func (c *counterClient) single(ctx context.Context) error {
	call := c.now()
	c.n++
	if _, err := c.conn.Exec(ctx, writeCounter, c.id, c.n); err != nil {
		return err
	}
	c.note(history.Write, c.id, c.n, call, 0)
	return c.read(ctx, 1+c.random.IntN(6))
}

func (c *counterClient) read(ctx context.Context, times int) error {
	for range times {
		if err := c.readOnce(ctx, c.now()); err != nil {
			return err
		}
	}
	return nil
}

func (c *counterClient) readOnce(ctx context.Context, call time.Duration) error {
	key := c.key()
	var n int64
	var port int
	err := c.conn.QueryRow(ctx, readCounter, key).Scan(&n, &port)
	c.note(history.Read, key, n, call, c.rig.nodeAt(port))
	return err
}

// pipelined sends several reads in one batch, behind a write in a batch of its own
// or, one time in four, in the same.
func (c *counterClient) pipelined(ctx context.Context) error {
	batch, call := &pgx.Batch{}, c.now()
	c.n++
	batch.Queue(writeCounter, c.id, c.n)
	together := c.random.IntN(4) == 0
	if !together {
		if err := c.conn.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		c.note(history.Write, c.id, c.n, call, 0)
		batch, call = &pgx.Batch{}, c.now()
	}
	var keys []int
	var found []int64
	var ports []int
	for range 1 + c.random.IntN(4) {
		key := c.key()
		keys = append(keys, key)
		batch.Queue(readCounter, key).QueryRow(func(row pgx.Row) error {
			var n int64
			var port int
			err := row.Scan(&n, &port)
			found, ports = append(found, n), append(ports, port)
			return err
		})
	}
	if err := c.conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if together { // its reads are its transaction's: they came before its commit
		c.note(history.Write, c.id, c.n, call, 0)
		return c.ownIn(keys, found)
	}
	for i, n := range found {
		c.note(history.Read, keys[i], n, call, c.rig.nodeAt(ports[i]))
	}
	return nil
}

// ownIn looks at the client's own counter among what a writing transaction read.
func (c *counterClient) ownIn(keys []int, found []int64) error {
	for i, n := range found {
		if keys[i] == c.id && n != c.n {
			return fmt.Errorf("a transaction wrote %d and read %d", c.n, n)
		}
	}
	return nil
}

// transaction reads, writes, and reads again in one transaction; then it reads by
// itself, and in a transaction that only reads.
func (c *counterClient) transaction(ctx context.Context) error {
	tx, err := c.conn.Begin(ctx)
	if err != nil {
		return err
	}
	if err := c.read(ctx, c.random.IntN(3)); err != nil {
		return err
	}
	call := c.now()
	c.n++
	if _, err := tx.Exec(ctx, writeCounter, c.id, c.n); err != nil {
		return err
	}
	var own int64
	if err := tx.QueryRow(ctx, readCounter, c.id).Scan(&own, nil); err != nil || own != c.n {
		return fmt.Errorf("a transaction wrote %d and read %d: %w", c.n, own, err)
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	c.note(history.Write, c.id, c.n, call, 0)
	if err := c.read(ctx, 1+c.random.IntN(3)); err != nil {
		return err
	}
	return c.readOnly(ctx)
}

// readOnly is one transaction: what had been acknowledged when it began is seen.
func (c *counterClient) readOnly(ctx context.Context) error {
	call := c.now()
	tx, err := c.conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	for range 1 + c.random.IntN(3) {
		if err := c.readOnce(ctx, call); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}
