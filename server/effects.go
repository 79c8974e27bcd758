package server

import (
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// effects are what a batch does to its session if it succeeds.
type effects struct {
	wrote    bool
	ends     bool // COMMIT or ROLLBACK is in it
	tags     bool // a command tag must be looked at: DISCARD, DEALLOCATE
	pin      sqlparse.Pin
	settings []sqlparse.Setting
	facts    *sqlparse.Facts // of the last statement
}

// note adds one statement.
func (e *effects) note(f *sqlparse.Facts, sql []byte, tx wire.TxStatus) {
	e.facts = f
	e.wrote = e.wrote || f.Traits.Has(sqlparse.Writes)
	e.ends = e.ends || f.Traits.Has(sqlparse.Ends)
	if f.Pin != sqlparse.PinNone {
		e.pin = f.Pin
	}
	switch f.Kind {
	case sqlparse.Discard, sqlparse.Deallocate:
		e.tags = true
	case sqlparse.Unknown:
		if len(sql) > sqlparse.MaxText {
			e.pin = sqlparse.PinSessionSet // it may have set anything
		}
	case sqlparse.Set, sqlparse.Reset:
		e.noteSettings(f, sql, tx)
	}
}

// noteSettings follows what can be repeated on another server; a session that
// sets anything else keeps its server. Inside a transaction it depends on how
// that ends, so the server is kept as well.
func (e *effects) noteSettings(f *sqlparse.Facts, sql []byte, tx wire.TxStatus) {
	if !f.Traits.Has(sqlparse.SessionState) || f.Pin != sqlparse.PinNone {
		return
	}
	list, ok := sqlparse.Settings(string(sql))
	if !ok || tx != wire.TxIdle {
		e.pin = sqlparse.PinSessionSet
		return
	}
	e.settings = append(e.settings, list...)
}

// apply carries the effects of a batch that has succeeded into the session.
// Settings that a transaction block may take back keep the server instead.
func (u *turn) apply(e *effects, after wire.TxStatus) {
	s := u.session
	if e.pin != sqlparse.PinNone {
		s.pin = e.pin
	}
	if len(e.settings) > 0 && (e.ends || s.tx != wire.TxIdle || after != wire.TxIdle) {
		s.pin = sqlparse.PinSessionSet
		return
	}
	for _, set := range e.settings {
		s.applySetting(set)
	}
}

// applyFailed carries on what outlives even the rollback of a failed batch.
func (u *turn) applyFailed(e *effects) {
	if e.pin == sqlparse.PinAdvisoryLock || e.pin == sqlparse.PinPrepare {
		u.session.pin = e.pin
	}
}

func (s *session) applySetting(set sqlparse.Setting) {
	switch {
	case set.Local:
		return
	case set.ResetAll:
		s.server.Settings, s.settings = pool.Settings{}, s.initial
	default:
		s.server.Settings = s.server.Settings.With(set.Name, set.Value)
		value := set.Value
		if set.Reset {
			value = s.initial.Value(set.Name)
		}
		s.settings = s.settings.With(set.Name, value)
	}
	s.judgeSettings()
}

// judgeSettings finds settings under which standbys answer differently or the
// facts don't hold.
func (s *session) judgeSettings() {
	s.onPrimary = s.settings.Value("standard_conforming_strings") != "" ||
		s.settings.Value("default_transaction_isolation") != "" || s.settings.Value("default_transaction_read_only") != ""
}

// onTag looks at the tag of a command that forgets things.
func (u *turn) onTag(tag string) {
	s := u.session
	switch tag {
	case "DISCARD ALL":
		s.server.Settings, s.settings = pool.Settings{}, s.initial
		s.judgeSettings()
		s.pin = sqlparse.PinNone
		fallthrough
	case "DEALLOCATE ALL":
		s.server.Statements.Clear()
		clear(s.prepared)
		s.unnamed = unnamed{}
	}
}
