package pool

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unique"
)

// Statement is a prepared statement, interned, under a name made from its text and
// from what else decides what it means.
type Statement struct {
	body    unique.Handle[string]
	Name    string
	Base    string // its name in the first edition
	Edition int    // counts how often the type of its result has changed
	SQL     bool   // made by PREPARE, whose text the body is
}

// SharedPrefix begins the names of the statements that sessions share.
const SharedPrefix = "pgherd_"

// NewStatement makes a Statement from a Parse message's body behind the name. Those
// with the same body and context (see Settings.PlanContext) are one.
func NewStatement(body []byte, context string) Statement {
	text := unique.Make(string(body))
	name := SharedPrefix + digest(text.Value()+"\x00"+context)
	return Statement{body: text, Name: name, Base: name}
}

// In returns the statement in an edition; 0 is the first.
func (s Statement) In(edition int) Statement {
	s.Edition, s.Name = edition, s.Base
	if edition > 0 {
		s.Name = SharedPrefix + digest(s.Base+"\x00"+strconv.Itoa(edition))
	}
	return s
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// NewSQLStatement makes a Statement from the text of PREPARE.
func NewSQLStatement(text string) Statement {
	return Statement{body: unique.Make(text), Name: "sql_" + digest(text), SQL: true}
}

// NewOwnStatement makes a Statement that has the client's name on the server too,
// from a Parse message's body.
func NewOwnStatement(name string, body []byte) Statement {
	return Statement{body: unique.Make(string(body)), Name: name}
}

// streamed is the Name of all statements that were passed on without being kept.
const streamed = "streamed"

// NewStreamedStatement makes a Statement whose text nobody has kept: it is on one
// connection only, under the client's name.
func NewStreamedStatement() Statement {
	return Statement{body: unique.Make(""), Name: streamed}
}

// Streamed reports whether the text is unknown, so that no other connection can be
// given the statement.
func (s Statement) Streamed() bool { return s.Name == streamed }

// Shared reports whether other sessions may use the statement.
func (s Statement) Shared() bool { return s.Base != "" }

// Body is the query, its NUL, and the parameter types, as in Parse; or the text of
// PREPARE.
func (s Statement) Body() string { return s.body.Value() }

// PlanContext is the settings that decide what a statement means when it is parsed,
// or how it is planned.
func (s Settings) PlanContext() string {
	var context strings.Builder
	for _, e := range s.List() {
		if ShapesPlans(e.Name) {
			context.WriteString(e.Name + "\x00" + e.Value + "\x00")
		}
	}
	return context.String()
}

// ShapesPlans says whether a parameter is part of the PlanContext.
func ShapesPlans(name string) bool {
	switch name {
	case "search_path", Role, SessionAuthorization, "client_encoding", "datestyle", "intervalstyle", "timezone",
		"standard_conforming_strings", "backslash_quote", "transform_null_equals", "array_nulls", "xmloption",
		"lc_monetary", "default_text_search_config", "row_security", "plan_cache_mode":
		return true
	}
	return strings.HasPrefix(name, "enable_")
}

// Statements are the prepared statements of one connection by name, the least
// recently used first to go. What a name stands for there is the Name of a
// Statement, or another word of the holder's.
type Statements struct {
	byName map[string]*list.Element
	order  list.List // of kept; the front was used last
}

type kept struct{ name, statement string }

// Len is how many are prepared.
func (s *Statements) Len() int { return len(s.byName) }

// Use marks a shared statement as used and reports whether the connection has it.
func (s *Statements) Use(name string) bool {
	e, ok := s.byName[name]
	if ok {
		s.order.MoveToFront(e)
	}
	return ok
}

// Holds is what a name stands for on the connection; false for nothing.
func (s *Statements) Holds(name string) (statement string, ok bool) {
	if e, ok := s.byName[name]; ok {
		return e.Value.(kept).statement, true
	}
	return "", false
}

// Add notes a shared statement that is being prepared. When that makes more than
// limit, the name of the one to close and what it stood for are returned.
func (s *Statements) Add(name string, limit int) (evicted, statement string) {
	s.Put(name, name)
	if s.order.Len() <= limit {
		return "", ""
	}
	for e := s.order.Back(); e != nil; e = e.Prev() {
		if oldest := e.Value.(kept); oldest.statement != streamed {
			s.Remove(oldest.name)
			return oldest.name, oldest.statement
		}
	}
	return "", ""
}

// Put notes what a name stands for from now on, whatever the limit.
func (s *Statements) Put(name, statement string) {
	if s.byName == nil {
		s.byName = map[string]*list.Element{}
	}
	s.Remove(name)
	s.byName[name] = s.order.PushFront(kept{name, statement})
}

// Restore notes a statement that Add or Remove has given up, and that was not
// closed after all. The limit is passed by it until the next Add.
func (s *Statements) Restore(name, statement string) {
	if s.byName != nil && s.byName[name] == nil {
		s.byName[name] = s.order.PushBack(kept{name, statement})
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
