package livesql

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// withinGroup translates percentile_cont, percentile_disc and mode.
func (t *translation) withinGroup(s *scope, name string, f *pg.FuncCall) (expr, error) {
	leave, err := s.enterAggregate(f.Location)
	if err != nil {
		return expr{}, err
	}
	defer leave()
	wanted, there := map[string]int{"percentile_cont": 1, "percentile_disc": 1, "mode": 0}[name]
	args, err := t.list(s, f.Args)
	if err != nil {
		return expr{}, err
	}
	if !there || len(args) != wanted || len(f.AggOrder) != 1 {
		return expr{}, undefinedFunction(name, args, f.Location)
	}
	if wanted == 1 {
		if args[0].typ.array() {
			return expr{}, unsupported(f.Location, "several percentiles in one call")
		}
		if args[0], err = t.coerce(args[0], Float8, f.Location); err != nil {
			return expr{}, err
		}
	}
	by := f.AggOrder[0].GetSortBy()
	value, err := t.expression(s, by.Node)
	if err == nil {
		value, err = t.coerce(value, known(value.typ), f.Location)
	}
	if err != nil {
		return expr{}, err
	}
	typ, scale := value.typ, value.scale
	if name == "percentile_cont" {
		if scale = 0; !value.typ.numeric() && value.typ != Interval {
			return expr{}, undefinedFunction(name, []expr{args[0], value}, f.Location)
		}
		if typ = Float8; value.typ == Interval {
			typ = Interval
		}
	}
	tail, err := t.filter(s, f)
	descending := boolean(by.SortbyDir == pg.SortByDir_SORTBY_DESC)
	list := append([]expr{value, descending}, args...)
	return expr{sql: "pg_" + name + "(" + join(list) + ")" + tail, typ: typ, scale: scale, name: name}, err
}
