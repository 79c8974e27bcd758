package pool

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"unique"
)

// Statement is a prepared statement that sessions share: the query and the
// parameter types of a Parse message, interned, under a name made from them.
type Statement struct {
	body unique.Handle[string] // the Parse message behind the statement's name
	Name string
}

// NewStatement makes a Statement from a Parse message's body behind the name.
func NewStatement(body []byte) Statement {
	sum := sha256.Sum256(body)
	return Statement{unique.Make(string(body)), "pgherd_" + hex.EncodeToString(sum[:16])}
}

// Body is the query, its NUL, and the parameter types, as in Parse.
func (s Statement) Body() string { return s.body.Value() }

// Statements are the prepared statements of one connection, the least recently
// used first to go.
type Statements struct {
	byName map[string]*list.Element
	order  list.List // of string; the front was used last
}

// Use marks a statement as used and reports whether the connection has it.
func (s *Statements) Use(name string) bool {
	e, ok := s.byName[name]
	if ok {
		s.order.MoveToFront(e)
	}
	return ok
}

// Add notes a statement that is being prepared. When that makes more than
// limit, the name of the one to close is returned.
func (s *Statements) Add(name string, limit int) (evicted string) {
	if s.byName == nil {
		s.byName = map[string]*list.Element{}
	}
	s.byName[name] = s.order.PushFront(name)
	if s.order.Len() <= limit {
		return ""
	}
	oldest := s.order.Back().Value.(string)
	s.Remove(oldest)
	return oldest
}

// Restore notes a statement that Add or Remove has given up, and that was not
// closed after all. The limit is passed by it until the next Add.
func (s *Statements) Restore(name string) {
	if s.byName != nil && s.byName[name] == nil {
		s.byName[name] = s.order.PushBack(name)
	}
}

// Remove forgets a statement: it failed or was closed.
func (s *Statements) Remove(name string) {
	if e, ok := s.byName[name]; ok {
		s.order.Remove(e)
		delete(s.byName, name)
	}
}

// Clear forgets all: DISCARD ALL or DEALLOCATE ALL.
func (s *Statements) Clear() {
	clear(s.byName)
	s.order.Init()
}
