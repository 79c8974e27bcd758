package sqlparse

import (
	"bytes"
	"errors"

	pg "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"
)

// RouteQuestion recognises EXPLAIN ROUTE, which is no statement of PostgreSQL's:
// at is the offset in bytes of the statement that it asks about. Texts that begin
// with another letter cost next to nothing.
func RouteQuestion(sql []byte) (at int, ok bool) {
	s := scanner{in: sql}
	if !s.keyword("explain") || !s.keyword("route") {
		return 0, false
	}
	for classes[s.peek(0)] == classSpace {
		s.at++
	}
	return s.at, true
}

// ConsoleQuestion recognises what Pgpool-II answers itself in any session: SHOW
// POOL_..., and what begins with PGPOOL.
func ConsoleQuestion(sql []byte) bool {
	s := scanner{in: sql}
	if s.keyword("pgpool") {
		return true
	}
	s = scanner{in: sql}
	return s.keyword("show") && s.begins("pool_")
}

// keyword passes over a word, if it comes next.
func (s *scanner) keyword(word string) bool {
	if !s.begins(word) || inWord(s.peek(len(word))) {
		return false
	}
	s.at += len(word)
	return true
}

// begins reports whether the next word begins so.
func (s *scanner) begins(word string) bool {
	for s.blank() {
	}
	end := s.at + len(word)
	return end <= len(s.in) && fold(s.in[s.at]) == word[0] && bytes.EqualFold(s.in[s.at:end], []byte(word))
}

// blank skips one byte of white space, or a comment.
func (s *scanner) blank() bool {
	if classes[s.peek(0)] == classSpace {
		s.at++
		return true
	}
	return s.at < len(s.in) && s.sure != lost && s.skipComment()
}

// SyntaxError is what the grammar says of a text whose facts are Unknown; position
// is the character where it stumbled, from 1, or 0. "" if it has nothing to say.
func SyntaxError(sql string) (message string, position int) {
	_, err := parseAny(sql)
	var told *parser.Error
	switch {
	case err == nil:
		return "", 0
	case !errors.As(err, &told): // it was too much for the C parser, and still is
		return "the text is too large or too complex to be parsed", 0
	}
	if _, err = pg.Parse(sql); errors.As(err, &told) { // with comments: positions are of characters
		return told.Message, told.Cursorpos
	}
	return "", 0
}
