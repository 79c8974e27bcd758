package sqlparse

import "bytes"

// prefixed reads the rest of E'...', B'...', X'...', N'...' and U&'...' behind the letter.
func (s *scanner) prefixed(letter byte) bool {
	quote := s.peek(0) == '\''
	switch letter {
	case 'e':
		if quote {
			s.out = s.out[:len(s.out)-2]
			s.escaped()
		}
		return quote
	case 'b', 'x', 'n':
		if quote {
			s.doubt()
		}
	case 'u':
		if next := s.peek(1); s.peek(0) == '&' && (next == '\'' || next == '"') {
			s.doubt()
		}
	}
	return false
}

// constant writes the mark of a string constant. Two in a row may be one constant
// or an error, by the white space between them.
func (s *scanner) constant(mark byte) {
	if s.afterString {
		s.doubt()
	}
	s.afterString = true
	s.out = append(s.out, mark)
}

// quoted reads '...' with quotes doubled inside; body is behind the first quote.
func (s *scanner) quoted(body int) {
	end := closing(s.in, body, '\'')
	if end < 0 {
		s.sure = lost
		return
	}
	s.at = end + 1
	if end == body {
		s.constant(emptyMark)
		return
	}
	s.constant(stringMark)
}

// escaped reads the '...' of E'...'. Escapes that name a character may be invalid,
// which is an error of the grammar.
func (s *scanner) escaped() {
	body := s.at + 1
	for i := body; i < len(s.in); i++ {
		switch s.in[i] {
		case '\\':
			i++
			if i < len(s.in) && isNumericEscape(s.in[i]) {
				s.doubt()
			}
		case '\'':
			if i+1 < len(s.in) && s.in[i+1] == '\'' {
				i++
				continue
			}
			s.at = i + 1
			s.constant(stringOrEmpty(i - body))
			return
		}
	}
	s.sure = lost
}

func stringOrEmpty(size int) byte {
	if size == 0 {
		return emptyMark
	}
	return stringMark
}

func isNumericEscape(c byte) bool {
	return c == 'x' || c == 'u' || c == 'U' || '0' <= c && c <= '7'
}

// closing is the position of the quote that ends a text starting at from, or -1.
func closing(in []byte, from int, quote byte) int {
	for {
		i := bytes.IndexByte(in[from:], quote)
		if i < 0 {
			return -1
		}
		from += i
		if from+1 == len(in) || in[from+1] != quote {
			return from
		}
		from += 2
	}
}

// dollar reads a parameter ($1) or a dollar-quoted string ($tag$...$tag$).
func (s *scanner) dollar() {
	if isDigit(s.peek(1)) {
		s.parameter()
		return
	}
	end := s.at + 1
	for end < len(s.in) && inWord(s.in[end]) && s.in[end] != '$' {
		end++
	}
	if end == len(s.in) || s.in[end] != '$' {
		s.sure = lost
		return
	}
	tag, body := s.in[s.at:end+1], end+1
	size := bytes.Index(s.in[body:], tag)
	if size < 0 {
		s.sure = lost
		return
	}
	s.at = body + size + len(tag)
	s.constant(stringOrEmpty(size))
}

// number reads an integer, decimal or exponent form. Others (0x1F, 1_000) and
// letters right behind it are left in doubt.
func (s *scanner) number() {
	value := s.digits()
	mark := byte(integerMark)
	if value > 1<<31-1 {
		mark = floatMark
	}
	if s.peek(0) == '.' && s.peek(1) != '.' {
		s.at++
		s.digits()
		mark = floatMark
	}
	if s.exponent() {
		mark = floatMark
	}
	s.out = append(s.out, mark)
	next := s.peek(0)
	if inWord(next) || next == '.' {
		s.doubt()
	}
}

// digits skips decimal digits and returns their value, capped far above int4.
func (s *scanner) digits() (value uint64) {
	for isDigit(s.peek(0)) {
		value = min(value*10+uint64(s.in[s.at]-'0'), 1<<40)
		s.at++
	}
	return value
}

func (s *scanner) exponent() bool {
	if fold(s.peek(0)) != 'e' {
		return false
	}
	skip := 1
	if sign := s.peek(1); sign == '+' || sign == '-' {
		skip = 2
	}
	if !isDigit(s.peek(skip)) {
		return false
	}
	s.at += skip
	s.digits()
	return true
}
