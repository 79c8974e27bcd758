package server

import (
	"strings"

	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// statementOverhead is about what a session's prepared statement takes besides its name
// and its text.
const statementOverhead = 256

// maxQuestions is how many questions to pgherd itself, as EXPLAIN ROUTE, a session may have
// prepared at a time.
const maxQuestions = 100

// size is about what a prepared statement takes in the memory of its session.
func (p *prepared) size() int64 {
	return int64(len(p.name) + len(p.statement.Body()) + statementOverhead)
}

// remember has a name stand for a prepared statement.
func (s *session) remember(name string, p prepared) {
	if s.prepared == nil {
		s.prepared = map[string]prepared{}
	}
	s.unname(name)
	p.name = name
	s.prepared[name] = p
	s.preparedSize += p.size()
}

// unname has a name stand for nothing.
func (s *session) unname(name string) {
	if p, ok := s.prepared[name]; ok {
		s.preparedSize -= p.size()
		delete(s.prepared, name)
	}
}

// unnameAll has no name stand for anything.
func (s *session) unnameAll() {
	clear(s.prepared)
	s.preparedSize = 0
}

// crowded is why there is no room for a named statement of so many bytes; nil if there is
// (max_prepared_statements_size).
func (s *session) crowded(name []byte, text int) *wire.Error {
	limit := s.shard.srv.config().MaxPreparedSize
	if len(name) == 0 || limit == 0 || s.preparedSize+int64(len(name)+text+statementOverhead) <= limit {
		return nil
	}
	return errCrowded(limit)
}

// crowdedBy is crowded for a text that may hold PREPARE.
func (s *session) crowdedBy(sql []byte) *wire.Error {
	limit := s.shard.srv.config().MaxPreparedSize
	if limit == 0 || s.preparedSize+int64(len(sql)) <= limit {
		return nil
	}
	for _, n := range sqlparse.Namings(string(sql)) {
		if e := s.crowded([]byte(n.Name), len(n.Text)); n.Inner != nil && e != nil {
			return e
		}
	}
	return nil
}

// crowdedQuestions is why there is no room for a question of that name.
func (s *session) crowdedQuestions(name string) *wire.Error {
	if s.questions == nil || len(s.questions.statements) < maxQuestions {
		return nil
	}
	if _, ok := s.questions.statements[name]; ok {
		return nil
	}
	return wire.Errorf("53400", "too many statements are prepared that pgherd answers itself: %d", maxQuestions).
		WithHint("Close those that are not needed any more.")
}

// misnamed is an error of Bind's that calls the statement by the name that only servers
// know, with the client's name for it.
func (u *turn) misnamed(e *wire.Error) *wire.Error {
	p, ok := u.session.prepared[u.replies.first().uses]
	if e.Code != "08P01" || !ok || !p.statement.Shared() || !strings.Contains(e.Message, p.statement.Name) {
		return nil
	}
	told := *e
	told.Message = strings.ReplaceAll(e.Message, p.statement.Name, p.name)
	return &told
}
