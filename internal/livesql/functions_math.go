package livesql

import (
	"database/sql/driver"
	"fmt"
	"math"
)

func mathFunctions() map[string]scalar {
	return map[string]scalar{
		"pg_step": strict(step),
		"pg_div":  strict(divide), "pg_mod": strict(modulo), "pg_whole": strict(whole), "pg_truncate": strict(truncateNumber),
		"pg_gcd": strict(func(a []driver.Value) (driver.Value, error) { return gcd(asInt(a[0]), asInt(a[1])), nil }),
		"pg_lcm": strict(func(a []driver.Value) (driver.Value, error) {
			if asInt(a[0]) == 0 || asInt(a[1]) == 0 {
				return int64(0), nil
			}
			return max(asInt(a[0])/gcd(asInt(a[0]), asInt(a[1]))*asInt(a[1]), -asInt(a[0])/gcd(asInt(a[0]), asInt(a[1]))*asInt(a[1])), nil
		}),
		"pg_quotient": strict(func(a []driver.Value) (driver.Value, error) {
			v, err := divide(a)
			if f, ok := v.(float64); ok {
				v = math.Trunc(f)
			}
			return v, err
		}),
		"pg_lsn_diff": strict(func(a []driver.Value) (driver.Value, error) {
			var high, low [2]int64
			for i, v := range a {
				if n, err := fmt.Sscanf(fmt.Sprint(v)+" ", "%X/%X ", &high[i], &low[i]); n != 2 || err != nil {
					return nil, coded(fail(codeInvalidText, -1, "invalid input syntax for type pg_lsn: %q", v))
				}
			}
			return (high[0]-high[1])<<32 + low[0] - low[1], nil
		}),
		"pg_round_to": strict(func(a []driver.Value) (driver.Value, error) {
			factor := math.Pow10(int(max(-300, min(300, asInt(a[1])))))
			return inRange(math.Round(asFloat(a[0])*factor) / factor)
		}),
		"pg_rows": strict(func(a []driver.Value) (driver.Value, error) {
			if asInt(a[0]) < 0 {
				return nil, coded(fail(codeRowCount, -1, "LIMIT and OFFSET must not be negative"))
			}
			return a[0], nil
		}),
		"pg_cbrt": onNumber(math.Cbrt),
		"pg_log_base": strict(func(a []driver.Value) (driver.Value, error) {
			return inRange(math.Log(asFloat(a[1])) / math.Log(asFloat(a[0])))
		}),
		"pg_power": strict(power), "pg_sqrt": onNumber(math.Sqrt), "pg_exp": onNumber(math.Exp),
		"pg_ln": onNumber(math.Log), "pg_log": onNumber(math.Log10), "pg_round_even": onNumber(math.RoundToEven),
	}
}

// onNumber is a function that has no value for some numbers: those are errors.
func onNumber(f func(float64) float64) scalar {
	return strict(func(a []driver.Value) (driver.Value, error) { return inRange(f(asFloat(a[0]))) })
}

func inRange(x float64) (driver.Value, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, coded(fail(codeOutOfRange, -1, "the value is out of range"))
	}
	return x, nil
}

func power(a []driver.Value) (driver.Value, error) {
	return inRange(math.Pow(asFloat(a[0]), asFloat(a[1])))
}

// truncateNumber is trunc(), to a number of digits behind the point.
func truncateNumber(a []driver.Value) (driver.Value, error) {
	factor := 1.0
	if len(a) > 1 {
		factor = math.Pow10(int(max(-300, min(300, asInt(a[1])))))
	}
	x, scaled := asFloat(a[0]), asFloat(a[0])*factor
	if math.Abs(scaled) > 1<<52 { // no digits are left behind it
		return x, nil
	}
	if near := math.Round(scaled); math.Abs(near-scaled) < 1e-9*math.Abs(scaled) {
		scaled = near // 1.29 is a little less than that
	}
	return math.Trunc(scaled) / factor, nil
}

// step is that of generate_series.
func step(a []driver.Value) (driver.Value, error) {
	if asInt(a[0]) == 0 {
		return nil, coded(fail(codeInvalidParameter, -1, "step size cannot equal zero"))
	}
	if (asFloat(a[2])-asFloat(a[1]))/asFloat(a[0]) >= maxRows {
		return nil, coded(fail(codeTooLarge, -1, "the series would have more than %d rows", maxRows))
	}
	return a[0], nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}
