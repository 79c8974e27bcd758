package sqlparse

import (
	"errors"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// MaxText is the longest text, in bytes, that is parsed. Longer ones are Unknown.
const MaxText = 64 << 10

// maxJoints bounds the words and operators of a text that is parsed: each may be
// one level of the parse tree. Commas, constants and brackets are not counted, so
// long IN lists and VALUES pass; the grammar's own stack bounds bracket nesting.
const maxJoints = 2000

// maxLost bounds a text whose token boundaries the scanner could not follow.
const maxLost = 8 << 10

var errTooLarge = errors.New("sql text is too large or too complex to be parsed")
var errNUL = errors.New("sql text contains a NUL character")

// tooDeep says whether the scanned text could nest deeper than the C parser can bear.
func (s *scanner) tooDeep() bool {
	return len(s.in) > MaxText || s.joints > maxJoints || s.sure == lost && len(s.in) > maxLost
}

// parse runs PostgreSQL's grammar, which the caller has found not to go too deep for.
// Comments go first: pg_query fails on one between two words that its grammar reads
// as one token, such as NULLS LAST or NOT IN, where PostgreSQL doesn't.
func parse(sql string) (*pg.ParseResult, error) {
	if strings.IndexByte(sql, 0) >= 0 { // the C parser would stop there
		return nil, errNUL
	}
	return pg.Parse(withoutComments(sql))
}

// parseAny is parse for a text that nobody has looked at.
func parseAny(sql string) (*pg.ParseResult, error) {
	if len(sql) > MaxText {
		return nil, errTooLarge
	}
	var s scanner
	if s.scan([]byte(sql)); s.tooDeep() {
		return nil, errTooLarge
	}
	return parse(sql)
}
