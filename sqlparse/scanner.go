package sqlparse

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// certainty is how well the scanner understood a text.
type certainty uint8

const (
	exact    certainty = iota // the shape stands for the text's facts
	doubtful                  // tokens were found, but the shape may not decide the facts
	lost                      // the scanner stopped: unterminated or foreign to it
)

// Bytes that stand for constants in a shape. They can't occur in it otherwise:
// control characters outside quotes make the scanner lost.
const (
	integerMark = 1 + iota // fits int4, as the grammar wants where it says Iconst
	floatMark
	stringMark
	emptyMark // '': COPY ... TO '' has the tree of COPY ... TO STDOUT
	parameterMark
	valueMark // any of these alone in IN (...) or VALUES (...), or null, true, false, default
	hintMark  // a hint in front of all, with its kind and node
)

// scanner writes the shape of a text: words in lower case and runs of operator
// characters, each behind a blank; quoted identifiers as they stand; a mark for each
// constant and parameter; in front of all the hint, if there is one. It follows PostgreSQL's scan.l (version 16).
type scanner struct {
	in          []byte
	at          int
	out         []byte
	joints      int
	sure        certainty
	hint        Hint
	depth       int // of brackets
	list        list
	afterString bool // the token before is a string constant
	erase       bool // overwrite comments in the text with blanks
}

// scan makes the shape of sql in s.out, in the buffer that was there. joints is only
// complete if s.sure isn't lost.
func (s *scanner) scan(sql []byte) {
	*s = scanner{in: sql, out: s.out[:0], hint: hintOf(sql)}
	if s.hint.Kind != HintNone {
		s.out = append(s.out, hintMark, byte(s.hint.Kind))
		s.out = strconv.AppendInt(s.out, int64(s.hint.Node), 10)
	}
	if !utf8.Valid(sql) || bytes.IndexByte(sql, 0) >= 0 {
		s.doubt()
	}
	s.run()
}

// withoutComments is sql with blanks for comments.
func withoutComments(sql string) string {
	s := scanner{in: []byte(sql), erase: true}
	s.run()
	return string(s.in)
}

func (s *scanner) run() {
	for s.at < len(s.in) && s.sure != lost {
		s.token()
	}
}

// token reads one token, or the white space or comment in front of one.
func (s *scanner) token() {
	c := s.in[s.at]
	switch classes[c] {
	case classSpace:
		s.at++
		return
	case classLetter:
		s.word()
		return
	case classOperator:
		if s.skipComment() {
			return
		}
		s.operator()
	case classDigit:
		s.number()
	case classQuote:
		s.quoted(s.at + 1)
		return
	case classDot:
		s.dot()
	case classDollar:
		s.dollar()
		return
	case classDoubleQuote:
		s.identifier()
	case classPunctuation:
		s.punctuation(c)
	default:
		s.sure = lost
	}
	s.afterString = false
}

func (s *scanner) punctuation(c byte) {
	s.at++
	switch c {
	case '(', '[':
		s.open(c)
	case ')', ']':
		s.close(c)
	case ',':
		s.comma()
	default:
		s.out = append(s.out, c)
	}
}

// peek is the byte n behind the current one, 0 at the end.
func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.in) {
		return s.in[s.at+n]
	}
	return 0
}

func (s *scanner) doubt() { s.sure = max(s.sure, doubtful) }

// word reads an unquoted identifier or key word, or the prefix of a string.
func (s *scanner) word() {
	size, from := wordSize(s.in[s.at:]), len(s.out)+1
	s.out = append(append(s.out, ' '), s.in[s.at:s.at+size]...)
	s.at += size
	word := s.out[from:]
	for i, c := range word {
		word[i] = fold(c)
	}
	if size == 1 && s.prefixed(word[0]) {
		return
	}
	s.afterString = false
	s.count(word)
}

func wordSize(text []byte) int {
	for i, c := range text {
		if !wordBytes[c] {
			return i
		}
	}
	return len(text)
}

// count counts a word, unless it is a constant, and notes the words whose
// neighbouring constants the grammar looks into.
func (s *scanner) count(word []byte) {
	switch string(word) {
	case "null", "true", "false", "default":
		return
	case "float", "alter":
		s.doubt()
	}
	s.joints++
}

// identifier reads "...", kept as it stands.
func (s *scanner) identifier() {
	end := closing(s.in, s.at+1, '"')
	if end < 0 {
		s.sure = lost
		return
	}
	s.out = append(s.out, s.in[s.at:end+1]...)
	s.at = end + 1
	s.joints++
}

func (s *scanner) parameter() {
	s.at++
	value := s.digits()
	s.out = append(s.out, parameterMark)
	s.afterString = false
	if inWord(s.peek(0)) || value > 1<<31-1 {
		s.doubt()
	}
}

func (s *scanner) dot() {
	if isDigit(s.peek(1)) {
		s.number()
		return
	}
	s.out = append(s.out, '.')
	s.at++
}

// operator reads a run of operator characters up to a comment.
func (s *scanner) operator() {
	s.out = append(s.out, ' ')
	for s.at < len(s.in) && classes[s.in[s.at]] == classOperator && !s.atComment() {
		s.out = append(s.out, s.in[s.at])
		s.at++
	}
	s.joints++
}

func (s *scanner) atComment() bool {
	c := s.in[s.at]
	return c == '-' && s.peek(1) == '-' || c == '/' && s.peek(1) == '*'
}

// skipComment skips -- to the end of the line, or a nested /* */.
func (s *scanner) skipComment() bool {
	if !s.atComment() {
		return false
	}
	start := s.at
	if s.in[s.at] == '/' {
		s.skipBlock()
	} else {
		s.skipLine()
	}
	if s.erase && s.sure != lost {
		copy(s.in[start:s.at], bytes.Repeat([]byte{' '}, s.at-start))
	}
	return true
}

func (s *scanner) skipLine() {
	for s.at < len(s.in) && s.in[s.at] != '\r' && s.in[s.at] != '\n' {
		s.at++
	}
}

func (s *scanner) skipBlock() {
	for depth := 0; s.at+1 < len(s.in); {
		switch {
		case s.in[s.at] == '/' && s.in[s.at+1] == '*':
			depth++
			s.at += 2
		case s.in[s.at] == '*' && s.in[s.at+1] == '/':
			depth--
			s.at += 2
		default:
			s.at++
		}
		if depth == 0 {
			return
		}
	}
	s.sure = lost
}
