package server

import (
	"slices"
	"strings"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// effects are what a batch does to its session.
type effects struct {
	wrote     bool
	redefines bool           // what the catalog says
	defines   bool           // may be DDL
	begins    bool           // BEGIN is in it
	modes     sqlparse.Modes // of BEGIN behind the last end of a block
	ends      bool           // COMMIT or ROLLBACK is
	tags      bool           // a command tag must be looked at: DISCARD, PREPARE, DEALLOCATE
	blind     bool           // a text is too long to be parsed: so must all its tags
	forgets   bool           // DEALLOCATE ALL or DISCARD ALL is
	resets    bool           // RESET or DISCARD ALL is
	discards  bool           // DISCARD ALL is
	doubt     doubt
	pin       sqlparse.Pin
	settings  []sqlparse.Setting // whose values are known
	touched   []sqlparse.Setting // others
	names     []string           // settings of an extension's or the application's own that it may have set
	named     []named            // by PREPARE and DEALLOCATE, in order
	facts     *sqlparse.Facts    // of the last statement
	end       int                // of its bytes, counted from the beginning of the turn
}

// named is what one PREPARE or DEALLOCATE does when its tag comes.
type named struct {
	name string
	prepared
}

// note adds one statement.
func (e *effects) note(f *sqlparse.Facts, sql []byte) {
	e.facts = f
	e.wrote = e.wrote || f.Traits.Has(sqlparse.Writes)
	e.redefines = e.redefines || f.Traits.Has(sqlparse.Redefines)
	e.defines = e.defines || f.Kind == sqlparse.DDL || f.Traits.Has(sqlparse.MultiStatement|sqlparse.Writes)
	if f.Traits.Has(sqlparse.Ends) {
		e.ends, e.modes = true, sqlparse.Modes{}
	}
	if f.Traits.Has(sqlparse.Begins) { // behind the end, if one text has both
		e.begins, e.modes = true, f.Modes.Within(e.modes)
	}
	e.tags = e.tags || f.Traits.Has(sqlparse.Prepares)
	if f.Pin != sqlparse.PinNone {
		e.pin = f.Pin
		e.doubt |= doubtPins
	}
	if f.Traits.Has(sqlparse.Releases) {
		e.doubt |= doubtPins
	}
	switch f.Kind {
	case sqlparse.Discard:
		e.discards = e.discards || f.Traits.Has(sqlparse.Prepares)
		e.resets = e.resets || e.discards
	case sqlparse.Do:
		e.doubt |= doubtSettings | doubtPins
	case sqlparse.Unknown:
		if len(sql) > sqlparse.MaxText { // it may have done anything
			e.doubt |= doubtSettings | doubtPins
			e.blind = true
		}
	}
	if f.Traits.Has(sqlparse.SessionState) {
		e.noteSettings(f, sql)
	}
}

// noteSettings follows SET and RESET; what they come to is for the server to tell
// where the words don't. Names of set_config that are parameters come with Bind.
func (e *effects) noteSettings(f *sqlparse.Facts, sql []byte) {
	sets := f.Kind == sqlparse.Set || f.Kind == sqlparse.Reset
	if sets || f.Traits.Has(sqlparse.MultiStatement) {
		list, followed := sqlparse.Settings(string(sql))
		if followed && len(e.touched) == 0 {
			e.addSettings(&e.settings, list)
			return
		}
		if !followed {
			list = sqlparse.Touched(string(sql))
		}
		e.doubt |= doubtSettings
		e.addSettings(&e.touched, list) // behind all that were followed: their order counts
		if followed {
			return
		}
	}
	if !f.Traits.Has(sqlparse.Configures) {
		return
	}
	e.doubt |= doubtSettings
	c := sqlparse.FindConfigured(string(sql))
	e.names = append(e.names, c.Names...)
	if c.Computed {
		e.pin = sqlparse.PinSessionSet
	}
}

func (e *effects) addSettings(to *[]sqlparse.Setting, list []sqlparse.Setting) {
	*to = append(*to, list...)
	for _, set := range list {
		e.resets = e.resets || set.Reset || set.ResetAll
	}
}

// apply carries the effects of a batch into the session. Settings are followed
// outside of transaction blocks only; within them, the server is asked at the end.
func (u *turn) apply(e *effects, after wire.TxStatus) {
	s := u.session
	if e.wrote && !u.failed {
		s.route.NoteWrite(writer(s.tx != wire.TxIdle || e.ends))
	}
	s.hold(e.pin)
	e.settings = slices.DeleteFunc(e.settings, s.passes)
	s.redefined(e, after == wire.TxIdle)
	s.defined = (s.defined || e.defines) && after != wire.TxIdle
	if len(e.settings) > 0 && (e.ends || s.tx != wire.TxIdle || after != wire.TxIdle) {
		e.doubt |= doubtSettings
		e.touched = append(e.touched, e.settings...)
	} else if !u.failed {
		for _, set := range e.settings {
			s.applySetting(set)
		}
	}
	for _, set := range e.touched {
		e.names = append(e.names, set.Name)
	}
	u.doubt(e)
	u.holdLarge(after)
}

// passes reports whether a setting leaves nothing behind: SET LOCAL ends with the
// transaction. Only a name of the application's own is known to the server from then
// on, as an empty text.
func (s *session) passes(set sqlparse.Setting) bool {
	if !set.Local || !strings.Contains(set.Name, ".") {
		return set.Local
	}
	_, known := s.settings.Lookup(set.Name)
	return known
}

func writer(inBlock bool) routing.Writer {
	if inBlock {
		return routing.WroteInBlock
	}
	return routing.WroteAlone
}

// applySetting follows one SET or RESET. What RESET goes back to has been sent
// behind it: see restore.
func (s *session) applySetting(set sqlparse.Setting) {
	value, given := set.Value, true
	switch {
	case set.ResetAll:
		s.resetAll()
		return
	case set.Reset:
		value, given = s.initial.Lookup(set.Name)
	}
	if given {
		s.server.Settings = s.server.Settings.With(set.Name, value)
		s.settings = s.settings.With(set.Name, value)
	} else {
		s.server.Settings = s.server.Settings.Without(set.Name)
		s.settings = s.settings.Without(set.Name)
	}
	s.judgeSettings()
}

// resetAll leaves alone who the session acts as (GUC_NO_RESET_ALL).
func (s *session) resetAll() {
	reset := s.initial
	for _, name := range [...]string{pool.Role, pool.SessionAuthorization} {
		if value, ok := s.settings.Lookup(name); ok {
			reset = reset.With(name, value)
		}
	}
	s.server.Settings, s.settings = reset, reset
	s.judgeSettings()
}

// restore has the server set again what the client's start-up packet has set and
// the batch has reset: for the client, that is what RESET goes back to. The batch
// is answered when that is done. Nothing else is under way: see forgetful.
func (u *turn) restore() bool {
	if u.failed || len(u.replies.effects) == 0 || !u.replies.effects[0].resets {
		return false
	}
	sql := pool.Assignments(u.session.initialOf(&u.replies.effects[0]))
	if sql == "" {
		return false
	}
	u.request = wire.AppendQuery(u.request, sql)
	u.session.unnamed.server = nil // a simple Query ends it there
	u.expect(expected{request: reqRestore, visibility: silent})
	u.replies.boundary = true
	return true
}

// initialOf is what the client's start-up packet has set, of the settings that the
// batch has reset and not set again.
func (s *session) initialOf(e *effects) []pool.Setting {
	if e.discards {
		return s.initial.List()
	}
	var reset pool.Settings
	for _, set := range slices.Concat(e.settings, e.touched) {
		value, given := s.initial.Lookup(set.Name)
		switch {
		case set.ResetAll:
			reset = s.initial
		case set.Local || !given:
		case set.Reset:
			reset = reset.With(set.Name, value)
		default:
			reset = reset.Without(set.Name)
		}
	}
	return reset.List()
}

// judgeSettings finds settings under which standbys answer differently or the
// facts don't hold.
func (s *session) judgeSettings() {
	s.onPrimary, s.readOnly, s.isolation = false, false, s.nodesIsolation
	for _, e := range s.settings.List() {
		switch e.Name {
		case "standard_conforming_strings":
			s.onPrimary = true
		case "default_transaction_isolation":
			s.isolation = isolationNamed(e.Value)
			s.onPrimary = s.onPrimary || s.isolation == sqlparse.SerializableLevel // not on a hot standby
		case "default_transaction_read_only":
			s.readOnly = isTrue(e.Value)
		}
	}
	s.steer()
}

// onTag looks at the tag of a command that forgets or learns things.
func (u *turn) onTag(tag string) {
	s := u.session
	switch {
	case tag == "PREPARE":
		if n, ok := u.nextNamed(); ok {
			s.remember(n.name, n.prepared)
			s.server.Statements.Put(n.name, n.statement.Name)
		} else if u.answering().blind { // its name is not known
			u.answering().pin = sqlparse.PinPrepare
		}
	case tag == "SET" && u.answering().blind: // perhaps of a parameter that no server lists
		u.answering().pin = sqlparse.PinSessionSet
	case tag == "DEALLOCATE":
		if n, ok := u.nextNamed(); ok {
			s.unname(n.name)
			s.server.Statements.Remove(n.name)
		}
	case tag == "DISCARD ALL":
		s.server.Settings, s.settings = s.initial, s.initial
		s.judgeSettings()
		s.pin, s.doubt, s.names = sqlparse.PinNone, 0, nil
		u.answering().doubt = 0
		fallthrough
	case strings.HasPrefix(tag, "DEALLOCATE ALL"):
		s.server.Statements.Clear()
		s.unnameAll()
		s.unnamed = unnamed{}
	}
}

// nextNamed is what the PREPARE or DEALLOCATE does that is answered now.
func (u *turn) nextNamed() (named, bool) {
	e := u.answering()
	if len(e.named) == 0 {
		return named{}, false
	}
	n := e.named[0]
	e.named = e.named[1:]
	return n, true
}

// answering is the effects of the batch that is being answered, which may not have
// come to its end yet.
func (u *turn) answering() *effects {
	if len(u.replies.effects) > 0 {
		return &u.replies.effects[0]
	}
	return &u.effects
}
