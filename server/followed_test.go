package server

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// vocabulary of the random sessions: each line is a kind of statement, its variants
// separated by "|". ? is a small number.
const vocabulary = `
set work_mem = '?MB' | set work_mem to default | reset work_mem | set local work_mem = '?MB'
set search_path = s?, "Odd one" | set search_path to s? | reset search_path | set local search_path = s?
set datestyle = dmy | set datestyle = german | set datestyle to 'iso, mdy' | reset datestyle
set time zone 'Europe/Vienna' | set time zone interval '?' hour to minute | set timezone to default | set local time zone 'Asia/Tokyo'
set my.own = 'v?' | set local my.own = 'l?' | set session my.other to '?'
select set_config('my.own', 'c?', false) | select set_config('my.own', 'c?', true) | select set_config('work_mem', '?MB', false)
select set_config('search_path', 's?, public', false), set_config('my.other', 'x', 1 > 2)
set role reader | set session authorization reader | reset role | reset session authorization | set local role reader
set session characteristics as transaction isolation level repeatable read | reset default_transaction_isolation
set application_name = 'app ?' | set names 'LATIN1' | reset client_encoding | set client_min_messages = error
reset all | discard all | discard all | discard plans
set work_mem = '?MB'; set my.own = 'm?' | set work_mem = '?MB'; select 1/0 | begin; set my.own = 'b?'; commit | set work_mem = 'nonsense'
do $$ begin set work_mem = '9MB'; end $$ | do $$ begin perform set_config('statement_timeout', '?min', false); end $$
begin | begin | begin | commit | commit | commit | rollback | rollback and chain
select 1/0
prepare p as select ? | prepare q (int) as select $1 + ? | prepare "P p" as select set_config('my.own', 'p?', false) | prepare p as select pg_try_advisory_lock(?)
execute p | execute p | execute q(?) | execute q(?) | execute "P p" | explain (costs off) execute p
deallocate p | deallocate q | deallocate prepare "P p" | deallocate all | select 1; deallocate p
prepare r as select count(*) from where_am_i | execute r | execute r
create temp table mine (a int) | drop table mine | select count(*) from mine | insert into mine values (?) | discard temp
select pg_try_advisory_lock(?) | select pg_advisory_unlock(?) | select pg_advisory_unlock_all()
declare c cursor with hold for select generate_series(1, ?) | fetch c | close c | close all
listen l? | unlisten * | select count(*) from pg_listening_channels()
show work_mem | show search_path | show datestyle | show timezone | show application_name | show default_transaction_isolation
select current_user, session_user, coalesce(current_setting('my.own', true), ''), coalesce(current_setting('my.other', true), '') | show statement_timeout
select '2 jan 2026 12:00+00'::timestamptz | select here from where_am_i | select here from where_am_i
`

// babble draws random statements.
type babble struct {
	*rand.Rand
	kinds [][]string
}

func newBabble(seed uint64) babble {
	b := babble{Rand: rand.New(rand.NewPCG(seed, 0))}
	for _, line := range strings.Split(strings.TrimSpace(vocabulary), "\n") {
		b.kinds = append(b.kinds, strings.Split(line, " | "))
	}
	return b
}

func (b babble) pick(list []string) string { return list[b.IntN(len(list))] }

func (b babble) statement() string {
	text := b.pick(b.kinds[b.IntN(len(b.kinds))])
	return strings.ReplaceAll(text, "?", fmt.Sprint(1+b.IntN(3)))
}

// unprepared are words of statements that are never given a name: names within names
// are not followed, and a FETCH that was prepared before its cursor was declared
// shows no rows, for as long as a server keeps that.
var unprepared = []string{"execute", "deallocate", "prepare", "fetch"}

// message is a batch in a random protocol, and how many answers it gets.
func (b babble) message() (text string, send []byte) {
	switch b.IntN(12) {
	case 0, 1, 2:
		sql := b.statement()
		return "extended: " + sql, join(one(sql), mSync())
	case 3:
		name, sql := b.pick([]string{"p", "q", "n"}), b.statement()
		for slices.ContainsFunc(unprepared, func(word string) bool { return strings.Contains(sql, word) }) {
			sql = b.statement()
		}
		return "parse " + name + ": " + sql, join(mParse(name, sql), mSync())
	case 4, 5:
		name := b.pick([]string{"p", "n", "P p"})
		return "bind " + name, join(mBind("", name), mExecute("", 0), mSync())
	case 6:
		name := b.pick([]string{"p", "q", "n"})
		return "close " + name, join(mClose('S', name), mSync())
	case 7:
		one, two := b.statement(), b.statement()
		for strings.Contains(one, "reset") || strings.Contains(one, "default") || strings.Contains(one, "discard") {
			one = b.statement() // what such go back to is only set behind the batch
		}
		for mayControl(one) && mayControl(two) {
			two = b.statement() // behind a ROLLBACK of nothing, PostgreSQL breaks down: "unexpected state ABORT_PENDING"
		}
		return "pipeline: " + one + " ;; " + two, join(mParse("", one), mBind("", ""), mExecute("", 0), mParse("", two), mBind("", ""), mExecute("", 0), mSync())
	case 8:
		name := b.pick([]string{"my.own", "work_mem", "my.other"})
		return "set_config by parameter: " + name, join(mParse("", "select set_config($1, $2, $3)"), mBind("", "", name, "2MB", b.pick([]string{"t", "f"})), mExecute("", 0), mSync())
	}
	sql := b.pick(b.kinds[b.IntN(len(b.kinds))])
	if b.IntN(4) == 0 {
		sql = b.pick([]string{"savepoint a", "savepoint b", "rollback to a", "rollback to b", "release a", "release b"})
	}
	sql = strings.ReplaceAll(sql, "?", fmt.Sprint(1+b.IntN(3)))
	return sql, mQuery(sql)
}

// mayControl tells statements that may begin or end a transaction: EXECUTE may stand for any.
func mayControl(sql string) bool {
	return slices.Contains([]string{"begin", "commit", "rollback", "execute"}, strings.Fields(sql)[0])
}

// twin is the same client twice: at a node and at pgherd.
type twin struct {
	direct, pooled *raw
	status         byte
	holds          bool // may hold its server between transactions
	log            []string
}

func (w *twin) step(t *testing.T, text string, send []byte) {
	t.Helper()
	w.log = append(w.log, text)
	w.direct.send(send)
	want := w.direct.until('Z')
	w.pooled.send(send)
	got := w.pooled.until('Z')
	// A statement that can't be prepared any longer fails at Bind instead of Execute, and
	// one that EXECUTE means at Parse.
	got, want = strings.ReplaceAll(got, "2 E:", "E:"), strings.ReplaceAll(want, "2 E:", "E:")
	if strings.Contains(text, "execute") {
		got, want = strings.ReplaceAll(got, "1 E:", "E:"), strings.ReplaceAll(want, "1 E:", "E:")
	}
	if got != want || !maps.Equal(w.direct.params, w.pooled.params) {
		t.Fatalf("%s\nthe node says %s\n%v\npgherd says   %s\n%v", strings.Join(w.log[max(0, len(w.log)-150):], "\n"), want, w.direct.params, got, w.pooled.params)
	}
	w.status = want[len(want)-1]
	for _, word := range []string{"lock", "cursor", "listen", "temp", "prepare", "bind", "execute", "setseed"} {
		w.holds = w.holds || strings.Contains(text, word)
	}
	if text == "discard all" && strings.HasPrefix(want, "C:") {
		w.holds = false
	}
}

func newTwin(r *rig, database string, options []string) *twin {
	secret, _ := r.server.users.ServerSecret("bench")
	direct := &rig{T: r.T, addr: r.cluster.Node(0).Address()}
	w := &twin{direct: direct.dialRaw(), pooled: r.dialRaw(), status: 'I'}
	w.direct.login("bench", secret, database, options...)
	w.pooled.send(wire.AppendStartup(nil, append([]string{"user", "bench", "database", "bench"}, options...)...))
	w.pooled.until('Z')
	return w
}

// furnish makes what babble speaks of, in two databases.
func furnish(r *rig) {
	r.cluster.Exec(0, "create role reader")
	r.cluster.Exec(0, "grant reader to bench")
	for _, database := range []string{"bench", "own"} {
		if database == "own" {
			r.cluster.Exec(0, "create database own")
		}
		conn, err := r.cluster.Connect(r.Context(), 0, database)
		if err != nil {
			r.Fatal(err)
		}
		for i := 1; i <= 3; i++ {
			mustExec(r.T, conn, fmt.Sprintf("create schema s%d; create table s%d.where_am_i as select %d::int as here; grant usage on schema s%d to public; grant select on s%d.where_am_i to public", i, i, i, i, i))
		}
		conn.Close(r.Context())
	}
}

// Ensure that sessions that share servers get the answers that they would get from
// servers of their own, whatever they do to their state.
func TestSessionsAreFollowed(t *testing.T) {
	const sessions, size, steps = 4, 2, 1500
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, size })
	furnish(r)
	seed := pgtest.Seed(t)
	b := newBabble(seed)
	var all []*twin
	for i := range sessions {
		all = append(all, newTwin(r, "own", [][]string{nil, {"search_path", "s1, public", "application_name", "one"},
			{"options", "-c work_mem=3MB -c my.own=start", "TimeZone", "Asia/Tokyo"}, {"DateStyle", "German"}}[i]))
	}
	for range steps {
		text, send := b.message()
		next(b, all, size).step(t, text, send)
	}
}

// next is who may go on without waiting for another: those who hold servers when
// all are held.
func next(b babble, all []*twin, size int) *twin {
	var holders []*twin
	for _, w := range all {
		if w.status != 'I' || w.holds {
			holders = append(holders, w)
		}
	}
	if len(holders) >= size {
		all = holders
	}
	return all[b.IntN(len(all))]
}
