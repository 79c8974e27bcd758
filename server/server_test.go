package server

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that every way in which a driver may ask gets its answer.
func TestProtocols(t *testing.T) {
	r := newRig(t, 0, nil)
	for _, mode := range []string{"simple_protocol", "exec", "describe_exec", "cache_describe", "cache_statement"} {
		t.Run(mode, func(t *testing.T) {
			c := r.connect("default_query_exec_mode=" + mode)
			for i := range 20 {
				if got := query[int](t, c, "select $1::int + 1", i); got != i+1 {
					t.Errorf("got %d, want %d", got, i+1)
				}
			}
			_, err := c.Exec(context.Background(), "select 1/0")
			if code(err) != "22012" {
				t.Errorf("got %v, want division by zero", err)
			}
			if got := query[string](t, c, "select 'still here'"); got != "still here" {
				t.Error(got)
			}
		})
	}
}

func TestTransactionsAndCopy(t *testing.T) {
	r := newRig(t, 0, nil)
	ctx := context.Background()
	c := r.connect()
	mustExec(t, c, "create table t (a int primary key, b text)")
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "insert into t values (1, 'one')"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	rows := [][]any{}
	for i := range 5000 {
		rows = append(rows, []any{i, strings.Repeat("x", 100)})
	}
	n, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"a", "b"}, pgx.CopyFromRows(rows))
	if err != nil || n != 5000 {
		t.Fatalf("copied %d, %v", n, err)
	}
	if got := query[int](t, c, "select count(*) from t"); got != 5000 {
		t.Errorf("%d rows", got)
	}
	_, err = c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"a", "b"}, pgx.CopyFromRows(rows[:1]))
	if code(err) != "23505" {
		t.Errorf("got %v, want a unique violation", err)
	}
	var out strings.Builder
	if _, err := c.PgConn().CopyTo(ctx, &out, "copy (select a from t order by a limit 3) to stdout"); err != nil || out.String() != "0\n1\n2\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// Ensure that many clients share few servers, and that prepared statements and
// settings follow their client from one to another.
func TestManyClientsShareServers(t *testing.T) {
	for _, loops := range []int{1, 2} {
		t.Run(fmt.Sprint(loops, " loops"), func(t *testing.T) {
			r := newRig(t, 0, func(_ *Config, p *pool.Config, n *int) { p.Size, *n = 3, loops })
			var wg sync.WaitGroup
			pids := sync.Map{}
			for i := range 20 {
				c := r.connect(fmt.Sprintf("application_name=app%d", i))
				wg.Go(func() {
					mustExecHere(t, c, fmt.Sprintf("set work_mem to '%dkB'", 1000+i))
					for range 50 {
						var pid, mem, name string
						err := c.QueryRow(context.Background(), "select pg_backend_pid()::text, current_setting('work_mem'), current_setting('application_name')").Scan(&pid, &mem, &name)
						if err != nil || mem != fmt.Sprintf("%dkB", 1000+i) || name != fmt.Sprintf("app%d", i) {
							t.Errorf("client %d: work_mem %s, application_name %s, %v", i, mem, name, err)
							return
						}
						pids.Store(pid, true)
					}
				})
			}
			wg.Wait()
			n := 0
			pids.Range(func(any, any) bool { n++; return true })
			if n < 2 || n > 3 {
				t.Errorf("%d servers were used, want 2 or 3", n)
			}
		})
	}
}

// Ensure that an error in a pipeline is answered as PostgreSQL does: the rest up
// to Sync is skipped, what follows is carried out.
func TestPipelineErrors(t *testing.T) {
	r := newRig(t, 0, nil)
	ctx := context.Background()
	c := r.connect().PgConn()
	p := c.StartPipeline(ctx)
	p.SendQueryParams("select 1", nil, nil, nil, nil)
	p.SendQueryParams("select 1/0", nil, nil, nil, nil)
	p.SendQueryParams("select 2", nil, nil, nil, nil)
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	p.SendQueryParams("select 3", nil, nil, nil, nil)
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		results, err := p.GetResults()
		if err != nil {
			got = append(got, "error "+code(err))
			continue
		}
		if results == nil {
			break
		}
		switch x := results.(type) {
		case *pgconn.ResultReader:
			res := x.Read()
			if res.Err != nil {
				got = append(got, "error "+code(res.Err))
			} else {
				got = append(got, string(res.Rows[0][0]))
			}
		case *pgconn.PipelineSync:
			got = append(got, "sync")
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if s := strings.Join(got, ", "); s != "1, error 22012, sync, 3, sync" {
		t.Errorf("got %s", s)
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t, 0, func(_ *Config, p *pool.Config, _ *int) { p.Size = 1 })
	ctx := context.Background()
	busy, waiting := r.connect(), r.connect()
	errs := make(chan error, 2)
	go func() {
		_, err := busy.Exec(ctx, "select pg_sleep(30)")
		errs <- err
	}()
	watch := r.cluster.Conn(0)
	await(t, func() bool {
		return query[int](t, watch, "select count(*) from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'") == 1
	})
	go func() {
		_, err := waiting.Exec(ctx, "select 1")
		errs <- err
	}()
	await(t, func() bool { return waiting.PgConn().CancelRequest(ctx) == nil && len(errs) == 1 })
	if err := <-errs; code(err) != "57014" {
		t.Errorf("waiting client: %v", err)
	}
	if err := busy.PgConn().CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; code(err) != "57014" {
		t.Errorf("busy client: %v", err)
	}
	for range 20 { // the next query is never hit
		mustExec(t, waiting, "select 1")
	}
}

func TestLoginRefusals(t *testing.T) {
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) { s.MaxClients = 2 })
	for _, c := range []struct{ option, code, says string }{
		{"password=wrong", "28P01", `password authentication failed for user "bench"`},
		{"user=nobody", "28P01", `password authentication failed for user "nobody"`},
		{"dbname=nowhere", "3D000", `database "nowhere" does not exist`},
		{"options='-c work_mem=nonsense'", "22023", `invalid value for parameter "work_mem"`},
		{"options=-x", "0A000", "unsupported start-up option"},
	} {
		_, err := pgx.Connect(context.Background(), r.dsn(c.option))
		if code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: got %v, want %s %s", c.option, err, c.code, c.says)
		}
	}
	await(t, func() bool { return r.server.clients.Load() == 0 })
	r.connect()
	r.connect()
	if _, err := pgx.Connect(context.Background(), r.dsn()); code(err) != "53300" {
		t.Errorf("third client: %v", err)
	}
}

// Ensure that session state that can't be moved keeps its server.
func TestPins(t *testing.T) {
	r := newRig(t, 0, func(_ *Config, p *pool.Config, _ *int) { p.Size = 4 })
	ctx := context.Background()
	c, other := r.connect(), r.connect()
	mustExec(t, c, "create temp table mine (a int)")
	mustExec(t, c, "listen news")
	for i := range 10 {
		mustExec(t, other, "select 1")
		mustExec(t, c, "insert into mine values ($1)", i)
	}
	if n := query[int](t, c, "select count(*) from mine"); n != 10 {
		t.Errorf("%d rows", n)
	}
	mustExec(t, other, "notify news, 'hello'")
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	note, err := c.WaitForNotification(wait)
	if err != nil || note.Payload != "hello" {
		t.Errorf("notification %v, %v", note, err)
	}
	mustExec(t, c, "discard all")
	if _, err := c.Exec(ctx, "select * from mine"); code(err) != "42P01" {
		t.Errorf("after discard all: %v", err)
	}
}

// Ensure that reads go to standbys and are never older than what the session
// has written or read.
func TestReadsAreFresh(t *testing.T) {
	r := newRig(t, 2, nil)
	setup := r.connect()
	mustExec(t, setup, "create table counter (id int primary key, n int)")
	const clients, rounds = 8, 60
	for i := range clients {
		mustExec(t, setup, "insert into counter values ($1, 0)", i)
	}
	base := r.server.Selects(1) + r.server.Selects(2)
	primary := r.server.Selects(0)
	var wg sync.WaitGroup
	for i := range clients {
		mode := []string{"simple_protocol", "exec", "cache_statement"}[i%3]
		c := r.connect("default_query_exec_mode=" + mode)
		wg.Go(func() {
			for n := 1; n <= rounds; n++ {
				if _, err := c.Exec(context.Background(), "update counter set n = $2 where id = $1", i, n); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				var got int
				err := c.QueryRow(context.Background(), "select n from counter where id = $1", i).Scan(&got)
				if err != nil || got != n {
					t.Errorf("client %d wrote %d and read %d, %v", i, n, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	standbys, onPrimary := r.server.Selects(1)+r.server.Selects(2)-base, r.server.Selects(0)-primary
	t.Logf("%d reads on standbys, %d on the primary: %v", standbys, onPrimary, r.server.Routes())
	if standbys <= onPrimary {
		t.Errorf("%d reads on standbys, %d on the primary: want more than half on standbys", standbys, onPrimary)
	}
}

// Ensure that what a standby refuses is retried on the primary unseen.
func TestStandbyRefusalIsRetried(t *testing.T) {
	r := newRig(t, 1, nil)
	c := r.connect()
	mustExec(t, c, "create unlogged table u (a int)")
	mustExec(t, c, "insert into u values (7)")
	r.cluster.AwaitCaughtUp(0, 1)
	for _, mode := range []string{"simple_protocol", "exec", "cache_statement"} {
		c := r.connect("default_query_exec_mode=" + mode)
		for range 3 {
			if got := query[int](t, c, "select a from u"); got != 7 {
				t.Errorf("%s: got %d", mode, got)
			}
		}
	}
}

// Ensure that the loss of a node is told and survived.
func TestPrimaryLost(t *testing.T) {
	r := newRig(t, 1, nil)
	ctx := context.Background()
	idle, inTx, busy := r.connect(), r.connect(), r.connect()
	mustExec(t, idle, "create table t (a int)")
	r.cluster.AwaitCaughtUp(0, 1)
	mustExec(t, inTx, "begin")
	mustExec(t, inTx, "insert into t values (1)")
	errs := make(chan error, 1)
	go func() {
		_, err := busy.Exec(ctx, "insert into t select 2 from pg_sleep(30)")
		errs <- err
	}()
	watch := r.cluster.Conn(0)
	await(t, func() bool {
		return query[int](t, watch, "select count(*) from pg_stat_activity where query like 'insert into t select 2%' and state = 'active'") == 1
	})
	r.cluster.Kill(0)
	r.publish(cluster.NoNode)
	if err := <-errs; code(err) != "08007" {
		t.Errorf("busy client: %v", err)
	}
	if _, err := inTx.Exec(ctx, "insert into t values (3)"); code(err) != "40001" {
		t.Errorf("client in a transaction: %v", err)
	}
	if _, err := inTx.Exec(ctx, "select 1"); code(err) != "25P02" {
		t.Errorf("client in a failed transaction: %v", err)
	}
	if tag, err := inTx.Exec(ctx, "commit"); err != nil || tag.String() != "ROLLBACK" {
		t.Errorf("commit: %v, %v", tag, err)
	}
	go func() {
		_, err := idle.Exec(ctx, "insert into t values (4)")
		errs <- err
	}()
	r.cluster.Exec(1, "select pg_promote()")
	r.publish(1)
	if err := <-errs; err != nil {
		t.Errorf("idle client: %v", err)
	}
	for _, c := range []*pgx.Conn{idle, inTx, busy} {
		mustExec(t, c, "insert into t values (5)")
	}
	if got := query[int](t, idle, "select count(*) from t"); got != 4 {
		t.Errorf("%d rows, want 4", got)
	}
}

// Ensure that psql and pgbench, which know nothing of us, work.
func TestStandardClients(t *testing.T) {
	// pgbench prepares in blocking style: with fewer servers it would wait for itself.
	r := newRig(t, 1, func(_ *Config, p *pool.Config, _ *int) { p.Size = 8 })
	out, err := exec.Command("psql", r.dsn(), "-X", "-At", "-c", "create table p (a int)", "-c", `\d p`, "-c", "select 1; select 2").CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "a|integer|||\n1\n2\n") {
		t.Errorf("psql: %v\n%s", err, out)
	}
	if out, err := exec.Command("pgbench", "-i", "-q", "-s", "1", r.dsn()).CombinedOutput(); err != nil {
		t.Fatalf("pgbench -i: %v\n%s", err, out)
	}
	for _, mode := range []string{"simple", "extended", "prepared"} {
		for _, script := range []string{"select-only", "tpcb-like"} {
			out, err := exec.Command("pgbench", "-n", "-c", "8", "-t", "50", "-M", mode, "-b", script, r.dsn()).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "400/400") {
				t.Errorf("pgbench %s %s: %v\n%s", mode, script, err, out)
			}
		}
	}
}
