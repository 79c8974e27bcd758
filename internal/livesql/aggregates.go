package livesql

import (
	"database/sql/driver"
	"fmt"
	"math"
	"slices"

	"modernc.org/sqlite"
)

// aggregates are those that SQLite does not have, by name.
func (e *engine) aggregates() map[string]func() sqlite.AggregateFunction {
	spreading := func(of spreadOf) func() sqlite.AggregateFunction {
		return func() sqlite.AggregateFunction { return &spread{of: of} }
	}
	ordering := func(pick func(*ordered) (driver.Value, error)) func() sqlite.AggregateFunction {
		return func() sqlite.AggregateFunction { return &ordered{pick: pick} }
	}
	return map[string]func() sqlite.AggregateFunction{
		"pg_collect":         func() sqlite.AggregateFunction { return &e.result },
		"pg_stddev_samp":     spreading(spreadOf{sample: true, root: true}),
		"pg_stddev_pop":      spreading(spreadOf{root: true}),
		"pg_var_samp":        spreading(spreadOf{sample: true}),
		"pg_var_pop":         spreading(spreadOf{}),
		"pg_percentile_cont": ordering((*ordered).between),
		"pg_percentile_disc": ordering((*ordered).nearest),
		"pg_mode":            ordering((*ordered).mostFrequent),
		"pg_joined":          func() sqlite.AggregateFunction { return &joined{} },
		"pg_json_agg":        func() sqlite.AggregateFunction { return &jsonAggregate{} },
		"pg_json_object_agg": func() sqlite.AggregateFunction { return &jsonAggregate{} },
		"pg_only":            func() sqlite.AggregateFunction { return &only{} },
	}
}

// noInverse is for aggregates that are never asked of a window.
type noInverse struct{}

func (noInverse) WindowInverse(*sqlite.FunctionContext, []driver.Value) error { return nil }
func (noInverse) Final(*sqlite.FunctionContext)                               {}

// spreadOf says which of the variances is wanted.
type spreadOf struct{ sample, root bool }

// spread is the variance of numbers, or its root, by Welford's method.
type spread struct {
	of         spreadOf
	n          int64
	mean, sums float64 // sums of squares of differences from the mean
}

func (s *spread) Step(_ *sqlite.FunctionContext, a []driver.Value) error {
	if a[0] != nil {
		s.n++
		off := asFloat(a[0]) - s.mean
		s.mean += off / float64(s.n)
		s.sums += off * (asFloat(a[0]) - s.mean)
	}
	return nil
}

func (s *spread) WindowInverse(_ *sqlite.FunctionContext, a []driver.Value) error {
	if a[0] == nil {
		return nil
	}
	if s.n--; s.n == 0 {
		s.mean, s.sums = 0, 0
		return nil
	}
	off := asFloat(a[0]) - s.mean
	s.mean -= off / float64(s.n)
	s.sums = max(0, s.sums-off*(asFloat(a[0])-s.mean))
	return nil
}

func (s *spread) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	n := s.n
	if s.of.sample {
		n--
	}
	if n < 1 {
		return nil, nil
	}
	if s.of.root {
		return math.Sqrt(s.sums / float64(n)), nil
	}
	return s.sums / float64(n), nil
}

func (s *spread) Final(*sqlite.FunctionContext) {}

// ordered is an aggregate WITHIN GROUP (ORDER BY value): its arguments are the value,
// 1 if the order descends, and a fraction.
type ordered struct {
	noInverse
	pick       func(*ordered) (driver.Value, error)
	values     []driver.Value
	descending bool
	fraction   driver.Value
}

func (o *ordered) Step(_ *sqlite.FunctionContext, a []driver.Value) error {
	if o.descending = asInt(a[1]) != 0; len(a) > 2 {
		o.fraction = a[2]
	}
	if a[0] == nil {
		return nil
	}
	if o.values = append(o.values, a[0]); len(o.values) > maxRows {
		return coded(fail(codeTooLarge, -1, "there are more than %d values to be ordered", maxRows))
	}
	return nil
}

func (o *ordered) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	if f := asFloat(o.fraction); f < 0 || f > 1 {
		return nil, coded(fail(codeOutOfRange, -1, "percentile value %v is not between 0 and 1", f))
	}
	if len(o.values) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(o.values, func(a, b driver.Value) int {
		if o.descending {
			return compareValues(b, a)
		}
		return compareValues(a, b)
	})
	return o.pick(o)
}

// between is percentile_cont: between two values there are others.
func (o *ordered) between() (driver.Value, error) {
	if o.fraction == nil {
		return nil, nil
	}
	at := asFloat(o.fraction) * float64(len(o.values)-1)
	low, high := asFloat(o.values[int(math.Floor(at))]), asFloat(o.values[int(math.Ceil(at))])
	return low + (high-low)*(at-math.Floor(at)), nil
}

// nearest is percentile_disc.
func (o *ordered) nearest() (driver.Value, error) {
	if o.fraction == nil {
		return nil, nil
	}
	n := int(math.Ceil(asFloat(o.fraction) * float64(len(o.values))))
	return o.values[max(n, 1)-1], nil
}

// mostFrequent is mode.
func (o *ordered) mostFrequent() (driver.Value, error) {
	best, most := driver.Value(nil), 0
	for i := 0; i < len(o.values); {
		j := i
		for j < len(o.values) && compareValues(o.values[i], o.values[j]) == 0 {
			j++
		}
		if j-i > most {
			best, most = o.values[i], j-i
		}
		i = j
	}
	return best, nil
}

// only is the value of a subquery, which must not have more rows than one.
type only struct {
	noInverse
	rows  int
	value driver.Value
}

func (o *only) Step(_ *sqlite.FunctionContext, a []driver.Value) error {
	if o.rows++; o.rows > 1 {
		return coded(fail(codeCardinality, -1, "more than one row returned by a subquery used as an expression"))
	}
	o.value = a[0]
	return nil
}

func (o *only) WindowValue(*sqlite.FunctionContext) (driver.Value, error) { return o.value, nil }

// registerAggregates gives them to SQLite.
func registerAggregates(d *sqlite.Driver, all map[string]func() sqlite.AggregateFunction) error {
	for name, made := range all {
		err := d.RegisterFunction(name, &sqlite.FunctionImpl{NArgs: -1,
			MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return made(), nil }})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
