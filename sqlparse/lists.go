package sqlparse

import "bytes"

// list follows the innermost IN (...) or VALUES (...), (...), so that how long it is
// and which sorts of constants it holds makes no other shape: else one client's IN
// lists of 1 to 10,000 elements would be as many shapes. Plain values in it are
// written as valueMark, and of equal items (elements of IN, rows of VALUES) in
// succession two. One is not as two: MERGE takes one row only.
type list struct {
	kind    listKind
	depth   int // of the brackets that its elements stand in
	element int // where the present element begins in the shape
	item    int // the same of the present item
	before  int // of the item before, 0 for none
	first   int // of the one before that
	rowEnd  int // length of the shape when a row had ended
}

type listKind uint8

const (
	noList listKind = iota
	inList
	valuesList
)

// open writes ( or [, which may begin a list, or a row of one.
func (s *scanner) open(c byte) {
	s.depth++
	switch l := &s.list; {
	case c == '(' && s.behind(" in"):
		*l = list{kind: inList, depth: s.depth, element: len(s.out) + 1, item: len(s.out) + 1}
	case c == '(' && s.behind(" values"):
		*l = list{kind: valuesList, depth: s.depth, element: len(s.out) + 1, item: len(s.out)}
	case l.kind == valuesList && s.depth == l.depth:
		if c != '(' || len(s.out) != l.rowEnd+1 || s.out[l.rowEnd] != ',' {
			l.kind = noList
		}
		l.item, l.element = len(s.out), len(s.out)+1
	}
	s.out = append(s.out, c)
}

// behind says whether a key word was the last token; behind a dot it is a name.
func (s *scanner) behind(word string) bool {
	before, found := bytes.CutSuffix(s.out, []byte(word))
	return found && !bytes.HasSuffix(before, []byte("."))
}

func (s *scanner) comma() {
	if l := &s.list; l.kind != noList && s.depth == l.depth {
		s.endElement()
		if l.kind == inList {
			s.endItem()
			l.item = len(s.out) + 1
		}
		l.element = len(s.out) + 1
	}
	s.out = append(s.out, ',')
}

// close writes ) or ].
func (s *scanner) close(c byte) {
	l := &s.list
	inside := l.kind != noList && s.depth == l.depth
	if inside {
		s.endElement()
	}
	if inside && l.kind == inList {
		s.endItem()
		l.kind = noList
	}
	s.out = append(s.out, c)
	if inside && l.kind == valuesList {
		s.endItem()
		l.rowEnd = len(s.out)
	}
	s.depth--
	if s.depth < l.depth-1 {
		l.kind = noList
	}
}

func (s *scanner) endElement() {
	if from := s.list.element; isPlain(s.out[from:]) {
		s.out = append(s.out[:from], valueMark)
	}
}

// isPlain recognises the shape of a constant or parameter that stands for itself.
func isPlain(element []byte) bool {
	switch string(element) {
	case " null", " true", " false", " default":
		return true
	}
	element = bytes.TrimPrefix(element, []byte(" -"))
	return len(element) == 1 && element[0] <= parameterMark
}

// endItem drops the item that ends here if the two before were equal to it.
func (s *scanner) endItem() {
	l := &s.list
	item := s.out[l.item:]
	if l.first > 0 && bytes.Equal(item, s.out[l.before:l.item-1]) && bytes.Equal(item, s.out[l.first:l.before-1]) {
		s.out = s.out[:l.item-1]
		return
	}
	l.first, l.before = l.before, l.item
}
