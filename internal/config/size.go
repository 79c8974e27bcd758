package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. Units are PostgreSQL's: B, kB, MB, GB, TB, each
// 1024 times the one before.
type Size int64

type unit struct {
	name  string
	bytes Size
}

// units gives the largest first; B comes last because every name ends in it.
func units() []unit {
	return []unit{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"B", 1}}
}

// String gives the size in the largest unit that divides it; 0 is "0".
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range units() {
		if s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return "" // not reached: the last unit divides everything
}

// ParseSize reads 16MB and its like, upper or lower case; 0 needs no unit.
func ParseSize(text string) (Size, error) {
	if text == "0" {
		return 0, nil
	}
	for _, u := range units() {
		if digits, ok := cutSuffixFold(text, u.name); ok {
			return multiply(strings.TrimSpace(digits), u.bytes)
		}
	}
	return 0, errors.New("no unit")
}

func multiply(digits string, by Size) (Size, error) {
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64/uint64(by) {
		return 0, errors.New("too large")
	}
	return Size(n) * by, nil
}

func cutSuffixFold(text, suffix string) (string, bool) {
	cut := len(text) - len(suffix)
	if cut < 0 || !strings.EqualFold(text[cut:], suffix) {
		return text, false
	}
	return text[:cut], true
}
