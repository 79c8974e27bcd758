package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// churnTime is how long the storm lasts: see make churn.
func churnTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("PGHERD_CHURN")); err == nil {
		return d
	}
	return 5 * time.Second
}

// churners is how many clients there are.
const churners = 2000

// churn is many clients that come and go as they like.
type churn struct {
	*rig
	end     time.Time
	next    atomic.Int64 // every question has a number of its own
	answers atomic.Int64
	broken  atomic.Int64
}

// Ensure that clients that break off in the middle of anything leave no server,
// descriptor or goroutine behind, and that no answer goes to somebody else.
func TestChurn(t *testing.T) {
	const size = 10
	r := newRig(t, 0, func(s *Config, p *pool.Config, n *int) {
		s.Auth, s.MaxClients, p.Size, *n = config.AuthTrust, 3*churners, size, 2 // those that left are still being seen off
	})
	r.cluster.Exec(0, "create table t (a text)")
	mustExec(t, r.connect(), "select 1")
	descriptors := openFiles(t)
	seed := pgtest.Seed(t)
	c := &churn{rig: r, end: time.Now().Add(churnTime())}
	var wg sync.WaitGroup
	for i := range churners {
		wg.Go(func() { c.client(rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	wg.Wait()
	t.Logf("%d answers, %d connections broken off", c.answers.Load(), c.broken.Load())
	if !c.enough() {
		t.Error("too little has happened")
	}
	await(t, func() bool { return r.server.clients.Load() == 1 })
	c.allServersFree(size)
	await(t, func() bool { return openFiles(t) <= descriptors+size }) // its servers, and a look from outside
}

// enough reports whether so much has happened that it proves something: on a slow machine
// that takes longer.
func (c *churn) enough() bool { return c.answers.Load() >= churners && c.broken.Load() >= churners/4 }

// allServersFree leases all servers at once.
func (c *churn) allServersFree(size int) {
	var wg sync.WaitGroup
	for range size {
		wg.Go(func() {
			conn, err := pgx.Connect(context.Background(), c.dsn())
			if err != nil {
				c.Error(err)
				return
			}
			defer conn.Close(context.Background())
			if _, err := conn.Exec(context.Background(), "select pg_sleep(0.2)"); err != nil {
				c.Error(err)
			}
		})
	}
	wg.Wait()
	watch := c.cluster.Conn(0)
	const servers = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and "
	await(c.T, func() bool { return query[int](c.T, watch, servers+"true") <= size+1 }) // one is the cluster's own; some are about to go
	if n := query[int](c.T, watch, servers+"state like 'idle in%'"); n > 0 {
		c.Errorf("%d servers are idle in a transaction", n)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// client connects again and again until the end.
func (c *churn) client(dice *rand.Rand) {
	ctx, stop := context.WithDeadline(context.Background(), c.end.Add(2*time.Minute))
	defer stop()
	for (time.Now().Before(c.end) || !c.enough()) && ctx.Err() == nil {
		conn, err := pgconn.Connect(ctx, c.dsn())
		if err != nil {
			c.Errorf("connect: %v", err)
			return
		}
		c.session(ctx, conn, dice)
	}
}

// session asks some questions and leaves, in order or not.
func (c *churn) session(ctx context.Context, conn *pgconn.PgConn, dice *rand.Rand) {
	for range 1 + dice.IntN(8) {
		if err := c.ask(ctx, conn, dice); err != nil && !expected57014(err) {
			c.Errorf("client: %v", err)
		}
		if conn.IsClosed() {
			return
		}
	}
	if dice.IntN(2) == 0 {
		c.breakOff(ctx, conn, dice)
		return
	}
	_ = conn.Close(ctx) // everything is answered
}

func expected57014(err error) bool { return code(err) == "57014" }

// ask asks one question in one of the ways there are, and checks the answer.
func (c *churn) ask(ctx context.Context, conn *pgconn.PgConn, dice *rand.Rand) error {
	n := strconv.FormatInt(c.next.Add(1), 10)
	switch dice.IntN(6) {
	case 0:
		return c.transaction(ctx, conn, n)
	case 1:
		return c.canceled(ctx, conn, n)
	case 2:
		_, err := conn.Prepare(ctx, "p"+n, "select $1::text, "+n, nil)
		if err != nil {
			return err
		}
		return c.check(conn.ExecPrepared(ctx, "p"+n, [][]byte{[]byte(n)}, nil, nil).Read(), n)
	case 3:
		return c.check(conn.ExecParams(ctx, "select $1::text", [][]byte{[]byte(n)}, nil, nil, nil).Read(), n)
	default:
		return c.simple(ctx, conn, "select '"+n+"'", n)
	}
}

func (c *churn) simple(ctx context.Context, conn *pgconn.PgConn, sql, n string) error {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return err
	}
	return c.check(results[len(results)-1], n)
}

func (c *churn) check(r *pgconn.Result, n string) error {
	if r.Err != nil {
		return r.Err
	}
	if len(r.Rows) != 1 || string(r.Rows[0][0]) != n {
		return fmt.Errorf("wrong answer: asked for %s and got %q", n, r.Rows)
	}
	c.answers.Add(1)
	return nil
}

func (c *churn) transaction(ctx context.Context, conn *pgconn.PgConn, n string) error {
	if _, err := conn.Exec(ctx, "begin").ReadAll(); err != nil {
		return err
	}
	if err := c.simple(ctx, conn, "set local application_name to 'n"+n+"'; select '"+n+"'", n); err != nil {
		return err
	}
	if err := c.simple(ctx, conn, "select substr(current_setting('application_name'), 2)", n); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "rollback").ReadAll()
	return err
}

// canceled sends a cancel request that comes too early, in time, or too late.
func (c *churn) canceled(ctx context.Context, conn *pgconn.PgConn, n string) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _ = conn.CancelRequest(ctx) })
	return c.simple(ctx, conn, "select '"+n+"' from pg_sleep(0.002)", n)
}

// breakOff leaves without a word in the middle of something.
func (c *churn) breakOff(ctx context.Context, conn *pgconn.PgConn, dice *rand.Rand) {
	c.broken.Add(1)
	hijacked, err := conn.Hijack()
	if err != nil {
		c.Error(err)
		return
	}
	var last []byte
	switch dice.IntN(6) {
	case 0:
		last = mQuery("select pg_sleep(0.01)")
	case 1:
		last = mQuery("begin; insert into t values ('left behind')")
	case 2:
		last = join(mQuery("copy t from stdin"), mData("left behind\n"), mData("half")[:7])
	case 3:
		last = mQuery("copy (select generate_series(1, 20000)) to stdout")
	case 4:
		last = join(one("insert into t values ('left behind')"), mFlush())
	case 5:
		last = mQuery("select 1")[:8]
	}
	_, _ = hijacked.Conn.Write(last)
	if dice.IntN(2) == 0 { // go on until the first answer
		_ = hijacked.Conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = hijacked.Conn.Read(make([]byte, 100))
	}
	_ = hijacked.Conn.Close()
}

// Ensure that a storm of cancel requests hits nobody but the one it is meant for.
func TestCancelStorm(t *testing.T) {
	const workers, requests = 16, 1000
	r := newRig(t, 0, func(s *Config, p *pool.Config, n *int) { p.Size, *n = 6, 2 })
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	var wg sync.WaitGroup
	var over atomic.Bool
	var answers atomic.Int64
	for i := range workers {
		conn := r.connect()
		wg.Go(func() {
			for n := i; !over.Load(); n += workers {
				var got int
				if err := conn.QueryRow(ctx, "select $1::int from pg_sleep(0.001)", n).Scan(&got); err != nil || got != n {
					t.Errorf("a bystander asked for %d: %d, %v", n, got, err)
					return
				}
				answers.Add(1)
			}
		})
	}
	victims := []*pgx.Conn{r.connect(), r.connect()}
	var hits atomic.Int64
	for _, v := range victims {
		wg.Go(func() {
			for !over.Load() {
				_, err := v.Exec(ctx, "select pg_sleep(0.005)")
				if code(err) == "57014" {
					hits.Add(1)
				} else if err != nil {
					t.Errorf("victim: %v", err)
					return
				}
			}
		})
	}
	for storm(t, ctx, victims, requests); ctx.Err() == nil && !t.Failed() && (hits.Load() == 0 || answers.Load() < 100); {
		storm(t, ctx, victims, requests)
	}
	over.Store(true)
	wg.Wait()
	t.Logf("%d answers to bystanders, %d requests hit", answers.Load(), hits.Load())
	if hits.Load() == 0 || answers.Load() < 100 {
		t.Error("too little has happened")
	}
}

// storm sends requests from eight places at once.
func storm(t *testing.T, ctx context.Context, victims []*pgx.Conn, requests int) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range requests / 8 {
				err := victims[i%len(victims)].PgConn().CancelRequest(ctx)
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("cancel request: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}
