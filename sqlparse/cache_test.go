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
	} {
		if a, b := shapeOf(t, pair[0]), shapeOf(t, pair[1]); a != b {
			t.Errorf("%q and %q: %q, %q", pair[0], pair[1], a, b)
		}
	}
}

func TestOtherShape(t *testing.T) {
	for _, pair := range [][2]string{
		{"select $1", "select $2"},
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

var typical = []byte("SELECT a.id, a.name, b.total FROM accounts a JOIN bills b ON b.id = a.id WHERE a.id = 4711 AND b.kind = 'x'")

func TestHitAllocatesNothing(t *testing.T) {
	p := New(100)
	p.Parse(typical)
	if n := testing.AllocsPerRun(100, func() { p.Parse(typical) }); n != 0 {
		t.Errorf("%v allocations on a hit", n)
	}
}

func BenchmarkHit(b *testing.B) {
	p := New(100)
	b.SetBytes(int64(len(typical)))
	for b.Loop() {
		p.Parse(typical)
	}
}

func BenchmarkMiss(b *testing.B) {
	for b.Loop() {
		classify(string(typical))
	}
}
