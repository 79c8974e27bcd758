package sqlparse

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// variants are texts that should share a shape with sql, or be told apart.
func variants(sql string) []string {
	digits := strings.NewReplacer("1", "7", "5", "3", "0.", "9.", "10", "99")
	return []string{
		strings.ToUpper(sql),
		digits.Replace(sql),
		strings.ReplaceAll(sql, " ", "\n\t"),
		strings.ReplaceAll(sql, " ", " /* x /* y */ ' */ "),
		strings.ReplaceAll(sql, " ", " -- it's\n"),
		strings.ReplaceAll(sql, "'x'", "'another; delete from t'"),
		strings.ReplaceAll(sql, "'x'", "''"),
		strings.ReplaceAll(sql, "'a", `e'\'`),
		strings.ReplaceAll(sql, "'b'", "$q$b$q$"),
		strings.ReplaceAll(sql, "1", "99999999999"),
		strings.ReplaceAll(sql, "1", "'1'"),
		strings.ReplaceAll(sql, " ", ""),
		sql + ";", sql + " 'a'", sql + " 1", "explain " + sql, "(" + sql + ")",
	}
}

func TestCachedFactsEqualUncached(t *testing.T) {
	p := New(100000)
	for _, s := range samples(t) {
		for _, sql := range append(variants(s.sql), s.sql) {
			cached, fresh := all(p.Parse([]byte(sql))), all(classify(sql))
			if cached != fresh {
				t.Errorf("facts.txt:%d: %q\ncached %s\n fresh %s", s.line, sql, cached, fresh)
			}
		}
	}
	if stats := p.Stats(); stats.Hits < stats.Misses {
		t.Errorf("the variants should mostly hit: %+v", stats)
	}
}

func TestSameShape(t *testing.T) {
	for _, pair := range [][2]string{
		{"select 1", "SELECT\t2 -- x"},
		{"select a from t where b = 'x'", "select a /* c */ from T where B='y''z'"},
		{"select $1, 'a'", "select $1, $$b$$"},
		{"select e'a\\'b'", "select 'c'"},
		{"select 1.5, .5, 1e5", "select 2.5, 7.5, 2e-7"},
		{"insert into t values (1, 'a')", "insert into t values(2,'b')"},
		{"select $1", "select $2"},
		{"select a in (1, 2, 3), b in (1, 2)", "select a in (1, 2), b in ($1, $2, $3)"},
		{"select a in (1, 'a', -1.5, null)", "select a in (true, $7)"},
		{"select a in ('a'::b, 'c'::b)", "select a in ('a'::b, 'c'::b, 'd'::b, 'e'::b)"},
		{"insert into t values (1, 'a'), (2, null)", "insert into t values (default, $1), ($2, $3), (3, 'x')"},
		{"values (1, now()), (2, now())", "values (1, now()), (2, now()), (3, now())"},
		{"values (1, (2 + 3)), (2, (4 + 5)) order by 1", "values (1, (2 + 3)), (2, (4 + 5)), (2, (4 + 5)) order by 1"},
		{"values (1, a in (1, 2))", "values (1, a in (1, 2, 3))"},
	} {
		if a, b := shapeOf(t, pair[0]), shapeOf(t, pair[1]); a != b {
			t.Errorf("%q and %q: %q, %q", pair[0], pair[1], a, b)
		}
	}
}

func TestOtherShape(t *testing.T) {
	for _, pair := range [][2]string{
		{"select $1", "select 1"},
		{"select a in (1)", "select a in (1, 2)"},
		{"values (1)", "values (1), (2)"},
		{"values (1), (2)", "values (1), (2, 3)"},
		{"values (f(1)), (f(1))", "values (f(null)), (f(1))"},
		{"select in (1)", "select in (null::a)"},
		{"select a", `select "a"`},
		{`select "a"`, `select "A"`},
		{"select 1", "select 'a'"},
		{"select 1", "select 1.0"},
		{"select 1", "select 2147483648"},
		{"select a<=b", "select a< =b"},
		{"select a - -1", "select a --1"},
		{"select ab", "select a b"},
		{"select ''", "select 'a'"},
		{"select '--'", "select --'"},
	} {
		if a, b := shapeOf(t, pair[0]), shapeOf(t, pair[1]); a == b {
			t.Errorf("%q and %q share the shape %q", pair[0], pair[1], a)
		}
	}
}

func shapeOf(t *testing.T, sql string) string {
	var s scanner
	s.scan([]byte(sql))
	if s.sure == doubtful {
		t.Errorf("%q: unexpected doubt", sql)
	}
	return string(s.out)
}

func TestDoubtBypasses(t *testing.T) {
	p := New(100)
	doubts := []string{"select 'a' 'b'", "select 'a'\n'b'", "select u&'x'", `select U&"x"`, "select b'01'", "select X'1f'",
		"select n'a'", "select 1a", "select 0x1f", "select 1_000", "select $1a", `select e'\x41'`, "select 'open",
		"select /* open", "select $a$ open", "select a::float(3)", "select '\xff'", "select 1 \v"}
	for _, sql := range doubts {
		p.Parse([]byte(sql))
	}
	if got := p.Stats(); got.Bypassed != uint64(len(doubts)) || got.Entries != 0 {
		t.Errorf("%+v after %d doubtful texts", got, len(doubts))
	}
}

func TestCacheIsBoundedAndKeepsTheBusy(t *testing.T) {
	p := New(64)
	busy := []byte("select busy")
	first := p.Parse(busy)
	for i := range 2000 {
		p.Parse(fmt.Appendf(nil, "select c%d", i))
		if p.Parse(busy) != first {
			t.Fatalf("the busy shape was dropped after %d others", i)
		}
	}
	if stats := p.Stats(); stats.Entries > 64 || stats.Misses != 2001 || stats.Hits != 2000 {
		t.Errorf("%+v", stats)
	}
}

func TestParseFromManyGoroutines(t *testing.T) {
	p := New(32)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				f := p.Parse(fmt.Appendf(nil, "select c%d from t where a = %d", i%50, g))
				if !f.ReadOnly() && !f.StandbyRefused() {
					t.Errorf("%s", all(f))
				}
				f.RefuseStandby()
			}
		})
	}
	group.Wait()
}

// typical are statements as applications send them.
var typical = map[string]string{
	"pgbench": "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;",
	"orm": `SELECT "users"."id" AS t0_r0, "users"."name" AS t0_r1, "users"."created_at" AS t0_r2, "posts"."id" AS t1_r0, ` +
		`"posts"."title" AS t1_r1 FROM "users" LEFT OUTER JOIN "posts" ON "posts"."user_id" = "users"."id" ` +
		`WHERE "users"."email" = $1 AND "users"."deleted_at" IS NULL ORDER BY "users"."id" ASC LIMIT $2`,
	"insert": "INSERT INTO orders (id, client, item, amount, price, currency, note, paid, shipped, at) VALUES " +
		"(4711, 17, 'A-1201', 3, 19.90, 'EUR', 'it''s a gift', true, false, '2024-05-06 07:08:09')",
}

func TestHitAllocatesNothing(t *testing.T) {
	p := New(100)
	for name, text := range typical {
		sql := []byte(text)
		p.Parse(sql)
		if n := testing.AllocsPerRun(100, func() { p.Parse(sql) }); n != 0 {
			t.Errorf("%s: %v allocations on a hit", name, n)
		}
		sql = []byte(text + " -- 123456")
		if n := testing.AllocsPerRun(1000, func() { count(sql[len(sql)-6:]); p.Parse(sql) }); n != 0 {
			t.Errorf("%s: %v allocations on a hit with other constants", name, n)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	for name, text := range typical {
		b.Run(name, func(b *testing.B) {
			p, sql := New(100), []byte(text)
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				p.Parse(sql)
			}
		})
		b.Run(name+"/constants", func(b *testing.B) {
			p, sql := New(100), []byte(text+" -- 123456")
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				count(sql[len(sql)-6:])
				p.Parse(sql)
			}
		})
	}
}

// count adds 1 to a number in decimal digits.
func count(digits []byte) {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i]++; digits[i] <= '9' {
			return
		}
		digits[i] = '0'
	}
}

func BenchmarkMiss(b *testing.B) {
	for name, sql := range typical {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				classify(sql)
			}
		})
	}
}

// TestListsOfAnyLengthShareAShape: lists don't fill the cache.
func TestListsOfAnyLengthShareAShape(t *testing.T) {
	p := New(1000)
	for n := 2; n < 10000; n += n/3 + 1 {
		p.Parse([]byte("select * from t where a in (1" + strings.Repeat(", 22", n-1) + ")"))
		p.Parse([]byte("select * from t where a in ($1" + strings.Repeat(", $2", n-1) + ")"))
		p.Parse([]byte("insert into t values (1, 'a')" + strings.Repeat(", (null, $3)", n/2)))
	}
	if got := p.Stats(); got.Misses != 2 || got.Entries != 2 {
		t.Errorf("%+v, want 2 shapes", got)
	}
}

// TestGateOpensAgain: texts that come again are found soon after a time of new ones.
func TestGateOpensAgain(t *testing.T) {
	var g gate
	for range inSample {
		g.open()
		g.note(false)
	}
	if !g.shut {
		t.Fatal("not shut although nothing was found")
	}
	looks := 0
	for ; g.shut && looks < inSample*sparsely+1; looks++ {
		if g.open() {
			g.note(true)
		}
	}
	if g.shut {
		t.Errorf("still shut after %d texts that were known", looks)
	}
}
