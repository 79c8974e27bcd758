package server

import (
	"bytes"
	"strings"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// A session steers its own reads by two settings. To the nodes they are settings of
// an application's own, so they are followed, and end, like all others.
const (
	routeSetting       = "pgherd.route"
	consistencySetting = "pgherd.consistency"
)

// steer finds out what the configuration and the session's settings say of where its
// reads go: at login, when one of the two has changed, never for a statement.
func (s *session) steer() {
	if s.profile == nil {
		return // a client of the console
	}
	application, consistency := "", s.profile.Consistency
	s.route.Route = routing.Wish{}
	for _, e := range s.settings.List() {
		switch e.Name {
		case "application_name":
			application = e.Value
		case routeSetting:
			s.route.Route, _ = routing.ParseWish(e.Value, s.shard.srv.nodes())
		case consistencySetting:
			if c, ok := config.ParseConsistency(e.Value); ok {
				consistency = c
			}
		}
	}
	s.route.Preference = s.shard.srv.config().Redirects.Of(application, s.database, s.user)
	if consistency == config.ConsistencyGlobal {
		s.shard.srv.trackWrites()
	}
	s.route.Consistency = consistency
}

func (s *Server) nodes() int { return len(s.board.Current().Nodes) }

// misset is what is wrong with a SET of one of pgherd's own settings, or a PREPARE too
// many; nil for all other texts.
func (s *session) misset(f *sqlparse.Facts, sql []byte) *wire.Error {
	if f.Traits.Has(sqlparse.Prepares) {
		if e := s.crowdedBy(sql); e != nil {
			return e
		}
	}
	if (f.Kind != sqlparse.Set && !f.Traits.Has(sqlparse.MultiStatement)) || !bytes.Contains(bytes.ToLower(sql), []byte("pgherd")) {
		return nil
	}
	for _, set := range sqlparse.Touched(string(sql)) {
		if set.Reset || set.ResetAll {
			continue
		}
		if e := s.shard.srv.checkSetting(set.Name, set.Value); e != nil {
			return e
		}
	}
	return nil
}

// checkSetting knows the values that pgherd's own settings take; other settings are
// the nodes' business.
func (s *Server) checkSetting(name, value string) *wire.Error {
	name = strings.ToLower(name)
	switch name {
	case routeSetting:
		if _, ok := routing.ParseWish(value, s.nodes()); !ok {
			return errSetting(name, value, "auto, primary, standby, and node=0 to node="+itoa(s.nodes()-1))
		}
	case consistencySetting:
		if _, ok := config.ParseConsistency(value); !ok && value != "" {
			return errSetting(name, value, "session, global and eventual")
		}
	default:
		if strings.HasPrefix(name, "pgherd.") {
			return wire.Errorf("42704", "unrecognized configuration parameter %q", name).
				WithHint("pgherd has pgherd.route and pgherd.consistency.")
		}
	}
	return nil
}

// refusedText stands for a statement that we refuse: the server's error, which makes
// its transaction fail, is replaced by ours. Its log has the words.
const refusedText = "refused by pgherd"

// refuseQuery has a simple Query fail with an error of ours; before is the unnamed
// statement that it ends.
func (u *turn) refuseQuery(e *wire.Error, before *unnamed) {
	u.request = wire.AppendQuery(u.request, refusedText)
	u.expect(expected{request: reqQuery, instead: e, replaces: replacesUnnamed, replaced: before})
	u.endBatch()
}

// refusal has a Parse of a name fail with an error of ours, and is what is due then. The
// unnamed statement is not concerned by what happens to others.
func (u *turn) refusal(name string, e *wire.Error) expected {
	due := expected{request: reqParse, instead: e}
	if name != "" {
		name = hiddenName
	} else {
		due.replaces, due.replaced = replacesUnnamed, u.setAside()
		u.session.unnamed = unnamed{}
	}
	u.request = appendParse(u.request, name, refusedText+"\x00\x00\x00")
	return due
}
