package admin

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd    tokenKind = iota // of a statement: a semicolon or the end of the text
	tokenWord                    // an unquoted keyword or name
	tokenNumber                  // digits
	tokenQuoted                  // 'literal' or "name", never a keyword
	tokenSymbol                  // any other character
)

// token is one lexical element of a query string.
type token struct {
	kind     tokenKind
	text     string // as written; "" at the end of the text
	position int    // of its first character, from 1
	rest     string // the query string from here on
}

// is reports whether the token is this keyword, given in upper case.
func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenNumber) && strings.EqualFold(t.text, word)
}

// scanner cuts a query string into tokens by PostgreSQL's lexical rules
// (manual, section 4.1), as far as commands need them.
type scanner struct {
	rest     string
	position int // of rest's first character, from 1
}

// scan returns the statements of a query string, each as its tokens with a
// tokenEnd behind them. Empty statements are left out.
func scan(sql string) ([][]token, error) {
	s := scanner{rest: sql, position: 1}
	var statements [][]token
	var current []token
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		current = append(current, t)
		if t.kind != tokenEnd {
			continue
		}
		if len(current) > 1 {
			statements = append(statements, current)
		}
		if t.text == "" {
			return statements, nil
		}
		current = nil
	}
}

func (s *scanner) next() (token, error) {
	if err := s.skip(); err != nil {
		return token{}, err
	}
	kind, size := s.measure()
	if size < 0 {
		return token{}, s.unterminated("unterminated quoted string")
	}
	return s.take(kind, size), nil
}

// take consumes size bytes as one token.
func (s *scanner) take(kind tokenKind, size int) token {
	t := token{kind, s.rest[:size], s.position, s.rest}
	s.position += utf8.RuneCountInString(t.text)
	s.rest = s.rest[size:]
	return t
}

// measure tells the kind and size in bytes of the token that rest begins with;
// size -1 when its quote does not end.
func (s *scanner) measure() (tokenKind, int) {
	if s.rest == "" {
		return tokenEnd, 0
	}
	first, size := utf8.DecodeRuneInString(s.rest)
	switch {
	case first == ';':
		return tokenEnd, size
	case first == '\'' || first == '"':
		return tokenQuoted, quoted(s.rest, false)
	case escapeString(s.rest):
		return tokenQuoted, quoted(s.rest, true)
	case wordStart(first):
		return tokenWord, span(s.rest, wordPart)
	case digit(first):
		return tokenNumber, span(s.rest, digit)
	}
	return tokenSymbol, size
}

// skip passes over white space and comments.
func (s *scanner) skip() error {
	for {
		size := span(s.rest, unicode.IsSpace)
		switch {
		case strings.HasPrefix(s.rest, "--"):
			size = span(s.rest, func(r rune) bool { return r != '\n' && r != '\r' })
		case strings.HasPrefix(s.rest, "/*"):
			size = blockComment(s.rest)
		}
		if size < 0 {
			return s.unterminated("unterminated /* comment")
		}
		if size == 0 {
			return nil
		}
		s.take(tokenEnd, size)
	}
}

func (s *scanner) unterminated(message string) error {
	e := newError(codeSyntax, "%s", message)
	e.position = s.position
	return e
}

// blockComment is the size of a comment that may hold others; -1 when it does
// not end.
func blockComment(text string) int {
	depth := 0
	for i := 0; i+1 < len(text); {
		switch text[i : i+2] {
		case "/*":
			depth, i = depth+1, i+2
		case "*/":
			depth, i = depth-1, i+2
		default:
			i++
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

// quoted is the size of a literal or quoted name, in which a doubled quote
// stands for one; -1 when it does not end.
func quoted(text string, escapes bool) int {
	start := strings.IndexAny(text, `'"`)
	for i := start + 1; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\':
			i++
		case text[i] != text[start]:
		case i+1 < len(text) && text[i+1] == text[start]:
			i++
		default:
			return i + 1
		}
	}
	return -1
}

func escapeString(text string) bool {
	return len(text) > 1 && (text[0] == 'e' || text[0] == 'E') && text[1] == '\''
}

// span is the size of the longest prefix made of such characters.
func span(text string, part func(rune) bool) int {
	if i := strings.IndexFunc(text, func(r rune) bool { return !part(r) }); i >= 0 {
		return i
	}
	return len(text)
}

func wordStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }
func wordPart(r rune) bool  { return wordStart(r) || r == '$' || unicode.IsDigit(r) }
func digit(r rune) bool     { return '0' <= r && r <= '9' }

// identifier is the name that a word or a quoted name stands for.
func (t token) identifier() string {
	if t.kind == tokenQuoted {
		return strings.ReplaceAll(strings.Trim(t.text, `"`), `""`, `"`)
	}
	return strings.ToLower(t.text)
}
