package sqlparse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"
	"github.com/pgherd/pgherd/internal/corpus"
)

// corpusTexts are the corpus: our samples, 3000 random statements, and the files in
// $PGHERD_CORPUS (see scripts/corpus.sh).
func corpusTexts(t *testing.T) (list []string) {
	for _, s := range samples(t) {
		list = append(list, s.sql)
	}
	g := corpus.NewGenerator(20240506)
	for range 3000 {
		list = append(list, g.Next())
	}
	files, _ := filepath.Glob(filepath.Join(os.Getenv("PGHERD_CORPUS"), "*.sql"))
	for _, name := range files {
		texts, err := corpus.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if len(text.SQL) < maxLost {
				list = append(list, text.SQL)
			}
		}
	}
	return list
}

// TestCorpusKeys: whatever the corpus has under one key has equal facts, also when it
// is spelled in other ways.
func TestCorpusKeys(t *testing.T) {
	p := New(1 << 20)
	list := corpusTexts(t)
	for i, sql := range list {
		for _, other := range []string{sql, spelled(sql, i)} {
			if cached, fresh := all(p.Parse([]byte(other))), all(classify(other)); cached != fresh && !crossesLimit(other) {
				t.Errorf("%q\ncached %s\n fresh %s", other, cached, fresh)
			}
		}
	}
	t.Logf("%d texts, %+v", len(list), p.Stats())
}

// spelled is sql in another way, the i-th in turn.
func spelled(sql string, i int) string {
	all := variants(sql)
	return all[i%len(all)]
}

// crossesLimit says whether the text isn't parsed for its size.
func crossesLimit(sql string) bool {
	var s scanner
	s.scan([]byte(sql))
	return s.tooDeep()
}

// TestCorpusTokens: our scanner cuts a text where PostgreSQL's does.
func TestCorpusTokens(t *testing.T) {
	for _, sql := range corpusTexts(t) {
		if problem := compareTokens(sql); problem != "" {
			t.Errorf("%q: %s", sql, problem)
		}
	}
}

// compareTokens says what differs. A run of operator characters is one token of ours:
// how the server divides it depends on nothing else.
func compareTokens(sql string) string {
	theirs, err := pg.Scan(sql)
	if err != nil || cacheable(sql) == nil {
		return ""
	}
	ends := map[int]int{} // where theirs begin, and end
	for _, token := range theirs.Tokens {
		if token.Token != pg.Token_SQL_COMMENT && token.Token != pg.Token_C_COMMENT {
			ends[int(token.Start)] = int(token.End)
		}
	}
	s := scanner{in: []byte(sql)}
	for s.at < len(sql) {
		start := s.at
		s.token()
		if isGap(sql[start:s.at]) {
			continue
		}
		if problem := follow(sql, start, s.at, ends); problem != "" {
			return problem
		}
	}
	if len(ends) > 0 {
		return "tokens of PostgreSQL's that ours lacks"
	}
	return ""
}

func isGap(token string) bool {
	return classes[token[0]] == classSpace || strings.HasPrefix(token, "--") || strings.HasPrefix(token, "/*")
}

// follow takes PostgreSQL's tokens from start to end out of ends.
func follow(sql string, start, end int, ends map[int]int) string {
	single := classes[sql[start]] != classOperator
	for at := start; at < end; {
		next, found := ends[at]
		if !found || next > end || single && next != end {
			return "differs at " + sql[start:end]
		}
		delete(ends, at)
		at = next
	}
	return ""
}
