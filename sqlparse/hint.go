package sqlparse

import (
	"bytes"
	"strconv"
)

// Hint is what a comment in front of the first statement asks of routing. It is not
// obeyed here: ReadOnly doesn't look at it.
type Hint struct {
	Kind HintKind
	Node int // of HintNode, numbered from 0; there may be no such node
}

// HintKind says what a hint asks for.
type HintKind uint8

const (
	HintNone    HintKind = iota
	HintPrimary          // /*pgherd: primary*/, and Pgpool-II's /*NO LOAD BALANCE*/
	HintStandby          // /*pgherd: standby*/
	HintNode             // /*pgherd: node=2*/
	HintInvalid          // /*pgherd: ...*/ of another wording: to be ignored, and to be told of
)

// String is the hint as it is written; "" for none.
func (h Hint) String() string {
	if h.Kind == HintNode {
		return "node=" + strconv.Itoa(h.Node)
	}
	return [...]string{HintNone: "", HintPrimary: "primary", HintStandby: "standby", HintInvalid: "invalid"}[h.Kind]
}

// maxHintNode bounds the numbers in hints: each is a key of the cache.
const maxHintNode = 999

// hintOf is the first hint among the comments in front of the first statement.
func hintOf(sql []byte) Hint {
	s := scanner{in: sql}
	for {
		for classes[s.peek(0)] == classSpace {
			s.at++
		}
		start := s.at
		if s.at == len(sql) || !s.skipComment() || s.sure == lost {
			return Hint{}
		}
		if h := readHint(sql[start:s.at]); h.Kind != HintNone {
			return h
		}
	}
}

// LedByComment reports whether a comment, a hint included, is the first thing in a text.
func LedByComment(sql []byte) bool {
	rest := bytes.TrimLeft(sql, " \t\n\r\f\v")
	return bytes.HasPrefix(rest, []byte("--")) || bytes.HasPrefix(rest, []byte("/*"))
}

// readHint reads one comment. White space and case don't matter.
func readHint(comment []byte) Hint {
	body, isBlock := bytes.CutPrefix(comment, []byte("/*"))
	if !isBlock {
		return Hint{}
	}
	body = bytes.TrimSpace(body[:len(body)-len("*/")])
	if bytes.EqualFold(body, []byte("no load balance")) {
		return Hint{Kind: HintPrimary}
	}
	name, wish, found := bytes.Cut(body, []byte(":"))
	if !found || !bytes.EqualFold(bytes.TrimSpace(name), []byte("pgherd")) {
		return Hint{}
	}
	return readWish(bytes.TrimSpace(wish))
}

func readWish(wish []byte) Hint {
	switch {
	case bytes.EqualFold(wish, []byte("primary")):
		return Hint{Kind: HintPrimary}
	case bytes.EqualFold(wish, []byte("standby")):
		return Hint{Kind: HintStandby}
	}
	name, number, found := bytes.Cut(wish, []byte("="))
	if !found || !bytes.EqualFold(bytes.TrimSpace(name), []byte("node")) {
		return Hint{Kind: HintInvalid}
	}
	node, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 32)
	if err != nil || node > maxHintNode {
		return Hint{Kind: HintInvalid}
	}
	return Hint{Kind: HintNode, Node: int(node)}
}
