package livesql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// windowed translates a call with OVER: an aggregate, or a function that only
// windows have.
func (t *translation) windowed(s *scope, name string, f *pg.FuncCall) (expr, error) {
	switch {
	case s.clause != inTargets:
		return expr{}, fail(codeWindowing, f.Location, "window functions are not allowed in %s", s.clause)
	case f.AggDistinct:
		return expr{}, unsupported(f.Location, "DISTINCT in a window function")
	case len(f.AggOrder) > 0:
		return expr{}, unsupported(f.Location, "ORDER BY in a window function's call")
	}
	over, err := t.over(s, f.Over)
	if err != nil {
		return expr{}, err
	}
	if isJSONAggregate(name) {
		return expr{}, unsupported(f.Location, name+" in a window")
	}
	if isAggregate(name) {
		return t.aggregate(s, name, f, " OVER ("+over+")")
	}
	if f.AggFilter != nil {
		return expr{}, unsupported(f.Location, "FILTER for a function that is no aggregate")
	}
	args, err := t.list(s, f.Args)
	if err != nil {
		return expr{}, err
	}
	typ, err := t.windowFunction(name, args, f.Location)
	return expr{sql: name + "(" + join(args) + ") OVER (" + over + ")", typ: typ, name: name}, err
}

// windowFunction types a call of the functions that SQLite has under the same names.
func (t *translation) windowFunction(name string, args []expr, at int32) (Type, error) {
	least, most, result := -1, 0, Unknown
	switch name {
	case "row_number", "rank", "dense_rank":
		least, result = 0, Int8
	case "percent_rank", "cume_dist":
		least, result = 0, Float8
	case "ntile":
		least, most, result = 1, 1, Int4
	case "first_value", "last_value":
		least, most = 1, 1
	case "nth_value":
		least, most = 2, 2
	case "lag", "lead":
		least, most = 1, 3
	}
	if least < 0 || len(args) < least || len(args) > most {
		return result, undefinedFunction(name, args, at)
	}
	if result != Unknown {
		return result, nil
	}
	return t.sameAsFirst(args, at)
}

// sameAsFirst types arguments of which the third, a default, is one of the first's
// values, and the second a number of rows.
func (t *translation) sameAsFirst(args []expr, at int32) (Type, error) {
	values := []expr{args[0]}
	if len(args) == 3 {
		values = append(values, args[2])
	}
	typ, err := t.common(values, at)
	if err != nil {
		return typ, err
	}
	args[0] = values[0]
	if len(args) == 3 {
		args[2] = values[1]
	}
	if len(args) > 1 {
		args[1], err = t.coerce(args[1], Int4, at)
	}
	return typ, err
}

// over is what stands in the brackets behind OVER. A window that has a name is
// written out.
func (t *translation) over(s *scope, w *pg.WindowDef) (string, error) {
	w, err := s.window(w)
	if err != nil {
		return "", err
	}
	var parts []string
	partition, err := t.list(s, w.PartitionClause)
	if err != nil {
		return "", err
	}
	if len(partition) > 0 {
		parts = append(parts, "PARTITION BY "+join(partition))
	}
	order, err := t.order(s, w.OrderClause, nil)
	if err != nil {
		return "", err
	}
	parts = append(parts, strings.TrimSpace(order))
	frame, err := t.frame(s, w)
	return strings.Join(append(parts, frame), " "), err
}

// window finds what OVER name and OVER (name ...) mean.
func (s *scope) window(w *pg.WindowDef) (*pg.WindowDef, error) {
	name := w.Name + w.Refname // one of them
	if name == "" {
		return w, nil
	}
	found, ok := s.windows[name]
	if !ok {
		return nil, fail(codeUndefinedObject, w.Location, "window %q does not exist", name)
	}
	base, err := s.window(&pg.WindowDef{Refname: found.Refname, PartitionClause: found.PartitionClause,
		OrderClause: found.OrderClause, FrameOptions: found.FrameOptions, StartOffset: found.StartOffset, EndOffset: found.EndOffset})
	if err != nil || w.Name != "" {
		return base, err
	}
	made := &pg.WindowDef{PartitionClause: base.PartitionClause, OrderClause: base.OrderClause, FrameOptions: w.FrameOptions,
		StartOffset: w.StartOffset, EndOffset: w.EndOffset, Location: w.Location}
	switch {
	case len(w.PartitionClause) > 0:
		return nil, fail(codeWindowing, w.Location, "cannot override PARTITION BY clause of window %q", name)
	case len(w.OrderClause) > 0 && len(base.OrderClause) > 0:
		return nil, fail(codeWindowing, w.Location, "cannot override ORDER BY clause of window %q", name)
	case len(w.OrderClause) > 0:
		made.OrderClause = w.OrderClause
	}
	return made, nil
}

// named are the windows of a WINDOW clause; one may only build on those before it.
func named(list []*pg.Node) (map[string]*pg.WindowDef, error) {
	made := map[string]*pg.WindowDef{}
	for _, node := range list {
		w := node.GetWindowDef()
		if made[w.Name] != nil {
			return nil, fail(codeWindowing, w.Location, "window %q is already defined", w.Name)
		}
		if w.Refname != "" && made[w.Refname] == nil {
			return nil, fail(codeUndefinedObject, w.Location, "window %q does not exist", w.Refname)
		}
		made[w.Name] = w
	}
	return made, nil
}

// Bits of WindowDef.FrameOptions (PostgreSQL, nodes/parsenodes.h).
const (
	frameGiven              = 1 << 0
	frameRows               = 1 << 2
	frameGroups             = 1 << 3
	frameFromFirst          = 1 << 5
	frameToLast             = 1 << 8
	frameFromCurrent        = 1 << 9
	frameToCurrent          = 1 << 10
	frameFromPreceding      = 1 << 11
	frameToPreceding        = 1 << 12
	frameFromFollowing      = 1 << 13
	frameToFollowing        = 1 << 14
	frameExcludeCurrent     = 1 << 15
	frameExcludeGroup       = 1 << 16
	frameExcludeTies        = 1 << 17
	frameUnit, frameExclude = frameRows | frameGroups, frameExcludeCurrent | frameExcludeGroup | frameExcludeTies
)

func (t *translation) frame(s *scope, w *pg.WindowDef) (string, error) {
	options := w.FrameOptions
	if options&frameGiven == 0 {
		return "", nil
	}
	unit := map[int32]string{frameRows: "ROWS", frameGroups: "GROUPS", 0: "RANGE"}[options&frameUnit]
	offset := func(node *pg.Node) (string, error) { return t.frameOffset(s, w, unit, node) }
	from, err := frameEnd(options&frameFromFirst, options&frameFromCurrent, options&frameFromPreceding, "UNBOUNDED PRECEDING",
		func() (string, error) { return offset(w.StartOffset) })
	if err != nil {
		return "", err
	}
	to, err := frameEnd(options&frameToLast, options&frameToCurrent, options&frameToPreceding, "UNBOUNDED FOLLOWING",
		func() (string, error) { return offset(w.EndOffset) })
	exclude := map[int32]string{frameExcludeCurrent: " EXCLUDE CURRENT ROW", frameExcludeGroup: " EXCLUDE GROUP",
		frameExcludeTies: " EXCLUDE TIES"}[options&frameExclude]
	return unit + " BETWEEN " + from + " AND " + to + exclude, err
}

func frameEnd(unbounded, current, preceding int32, whole string, offset func() (string, error)) (string, error) {
	switch {
	case unbounded != 0:
		return whole, nil
	case current != 0:
		return "CURRENT ROW", nil
	}
	text, err := offset()
	if preceding != 0 {
		return text + " PRECEDING", err
	}
	return text + " FOLLOWING", err
}

// frameOffset is a number of rows, or what fits to what RANGE is ordered by.
func (t *translation) frameOffset(s *scope, w *pg.WindowDef, unit string, node *pg.Node) (string, error) {
	typ := Int8
	if unit == "RANGE" {
		if len(w.OrderClause) != 1 {
			return "", fail(codeWindowing, w.Location, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
		}
		key, err := t.expression(s, w.OrderClause[0].GetSortBy().Node)
		if err != nil {
			return "", err
		}
		if typ = key.typ; typ.temporal() {
			typ = Interval
		}
	}
	e, err := t.typed(s, node, typ)
	return e.sql, err
}
