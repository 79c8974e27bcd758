package admin

import (
	"context"
	"strconv"

	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/livesql"
)

// flushRows is how many rows are written at a time.
const flushRows = 1000

// maxObjects bounds the prepared statements, and the portals, of one session.
const maxObjects = 1000

// prepared is what Parse leaves behind. An empty query has no statement.
type prepared struct {
	*statement
	parameters []uint32 // type OIDs; commands use none of those that were declared
}

// columns of the result; nil when there is none.
func (p *prepared) columns() []livesql.Column {
	if p.statement == nil {
		return nil
	}
	return p.statement.columns
}

// portalState says how far a portal's statement has got.
type portalState int

const (
	portalFresh portalState = iota // not run yet
	portalRan                      // rows may be left
)

type portal struct {
	*prepared
	formats []int16
	args    []any
	state   portalState
	rows    [][]any // not yet sent
}

// query answers a simple Query: each statement is bound and executed in turn,
// up to the first error.
func (s *session) query(ctx context.Context, sql string) error {
	delete(s.statements, "")
	delete(s.portals, "")
	statements, err := s.language.parse(sql, nil)
	if err != nil {
		return err
	}
	if len(statements) == 0 {
		s.out.add(&pgproto3.EmptyQueryResponse{})
	}
	for i := range statements {
		p := &portal{prepared: &prepared{statement: &statements[i]}}
		if err := s.execute(ctx, p, 0, announce); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) extended(ctx context.Context, m pgproto3.FrontendMessage) error {
	switch m := m.(type) {
	case *pgproto3.Parse:
		return s.parse(m)
	case *pgproto3.Bind:
		return s.bind(m)
	case *pgproto3.Describe:
		return s.describe(m)
	case *pgproto3.Execute:
		p, err := find(s.portals, m.Portal, "portal", codeUnknownPortal)
		if err != nil {
			return err
		}
		return s.execute(ctx, p, int(int32(m.MaxRows)), silent)
	case *pgproto3.Close:
		return s.close(m)
	}
	return violation("unexpected message %T", m)
}

func (s *session) parse(m *pgproto3.Parse) error {
	if _, exists := s.statements[m.Name]; exists && m.Name != "" {
		return newError(codeDuplicateStmt, "prepared statement %q already exists", m.Name)
	}
	statements, err := s.language.parse(m.Query, m.ParameterOIDs)
	if err != nil {
		return err
	}
	made := &prepared{parameters: m.ParameterOIDs}
	switch len(statements) {
	case 0:
	case 1:
		made.statement = &statements[0]
		if list := made.statement.parameters(); list != nil {
			made.parameters = list
		}
	default:
		return newError(codeSyntax, "cannot insert multiple commands into a prepared statement")
	}
	if err := keep(s.statements, m.Name, made, "prepared statements"); err != nil {
		return err
	}
	s.out.add(&pgproto3.ParseComplete{})
	return nil
}

func (s *session) bind(m *pgproto3.Bind) error {
	stmt, err := find(s.statements, m.PreparedStatement, "prepared statement", codeUnknownStatement)
	if err != nil {
		return err
	}
	if _, exists := s.portals[m.DestinationPortal]; exists && m.DestinationPortal != "" {
		return newError(codeDuplicatePortal, "portal %q already exists", m.DestinationPortal)
	}
	if len(m.Parameters) != len(stmt.parameters) {
		return violation("bind message supplies %d parameters, but the statement requires %d",
			len(m.Parameters), len(stmt.parameters))
	}
	if err := checkFormats(m.ResultFormatCodes, len(stmt.columns())); err != nil {
		return err
	}
	var args []any
	if stmt.statement != nil && stmt.query != nil {
		if args, err = bindArgs(stmt.parameters, m); err != nil {
			return err
		}
	}
	made := &portal{prepared: stmt, formats: m.ResultFormatCodes, args: args}
	if err := keep(s.portals, m.DestinationPortal, made, "portals"); err != nil {
		return err
	}
	s.out.add(&pgproto3.BindComplete{})
	return nil
}

func (s *session) describe(m *pgproto3.Describe) error {
	if m.ObjectType == 'P' {
		p, err := find(s.portals, m.Name, "portal", codeUnknownPortal)
		if err != nil {
			return err
		}
		s.out.add(describe(p.columns(), p.formats))
		return nil
	}
	stmt, err := find(s.statements, m.Name, "prepared statement", codeUnknownStatement)
	if err != nil {
		return err
	}
	s.out.add(&pgproto3.ParameterDescription{ParameterOIDs: stmt.parameters})
	s.out.add(describe(stmt.columns(), nil))
	return nil
}

func (s *session) close(m *pgproto3.Close) error {
	if m.ObjectType == 'P' {
		delete(s.portals, m.Name)
	} else {
		delete(s.statements, m.Name)
	}
	s.out.add(&pgproto3.CloseComplete{})
	return nil
}

// announcement says whether Execute sends the RowDescription: a simple Query
// has no Describe.
type announcement int

const (
	silent announcement = iota
	announce
)

// execute runs a fresh portal and sends up to limit rows, all when it is not
// positive.
func (s *session) execute(ctx context.Context, p *portal, limit int, a announcement) error {
	if p.statement == nil {
		s.out.add(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	if p.state == portalRan && p.columns() == nil {
		return newError(codeNotNow, "%s ran already: bind it again", p.name())
	}
	if p.state == portalFresh {
		p.state = portalRan
		rows, err := s.run(ctx, p.statement, p.args)
		if err != nil {
			return err
		}
		p.rows = rows
	}
	if p.copy != nil {
		return s.sendCopy(p)
	}
	if a == announce && p.columns() != nil {
		s.out.add(describe(p.columns(), nil))
	}
	return s.sendRows(p, limit)
}

// sendRows sends a portal's next rows and how it stands after them. A limit that
// was just reached suspends it, as in PostgreSQL.
func (s *session) sendRows(p *portal, limit int) error {
	n := len(p.rows)
	if limit > 0 {
		n = min(n, limit)
	}
	for i, row := range p.rows[:n] {
		m, err := dataRow(row, p.columns(), p.formats)
		if err != nil {
			return err
		}
		s.out.add(m)
		if i%flushRows < flushRows-1 {
			continue
		}
		if s.out.flush() != nil {
			break
		}
		if s.interrupted() {
			p.rows = nil
			return newError(codeCanceled, "%s", errCancelRequest)
		}
	}
	p.rows = p.rows[n:]
	switch {
	case p.columns() == nil:
		s.out.add(&pgproto3.CommandComplete{CommandTag: []byte(p.tag)})
	case n == limit && limit > 0:
		s.out.add(&pgproto3.PortalSuspended{})
	default:
		s.out.add(&pgproto3.CommandComplete{CommandTag: []byte("SELECT " + strconv.Itoa(n))})
	}
	return nil
}

// find is a named object of the session.
func find[T any](objects map[string]*T, name, what, code string) (*T, error) {
	if o, ok := objects[name]; ok {
		return o, nil
	}
	return nil, newError(code, "%s %q does not exist", what, name)
}

// keep adds a named object to the session.
func keep[T any](objects map[string]*T, name string, o *T, what string) error {
	if _, replaced := objects[name]; !replaced && len(objects) >= maxObjects {
		return newError(codeTooMany, "too many %s: a session may have %d", what, maxObjects).withHint("close some")
	}
	objects[name] = o
	return nil
}
