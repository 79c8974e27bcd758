package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestParsePreferences(t *testing.T) {
	for list, want := range map[string]string{
		"":                             "",
		"  ":                           "",
		"postgres:primary":             "postgres primary 1",
		"mydb[0-4]:1, mydb[5-9]:2":     "mydb[0-4] 1 1; mydb[5-9] 2 1",
		`^a{1\,2}$:standby(0.3)`:       `^a{1\,2}$ standby 0.3`,
		"[[:alpha:]]:0(0)":             "[[:alpha:]] 0 0",
		"psql:":                        "error",
		":primary":                     "error",
		"psql":                         "error",
		"psql:3":                       "error",
		"psql:-1":                      "error",
		"psql:Primary":                 "error",
		"psql:1(0.5":                   "error",
		"psql:1()":                     "error",
		"psql:1(NaN)":                  "error",
		"psql:1(-0.1)":                 "error",
		"psql:1,":                      "error",
		"(:1":                          "error",
		"reports:standby(1.0),.*:0(1)": "reports standby 1; .* 0 1",
	} {
		all, err := ParsePreferences(list, 3)
		got := describe(all)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: got %q, %v, want %q", list, got, err, want)
		}
	}
}

func describe(all []Preference) string {
	var words []string
	for _, p := range all {
		node := [...]string{"any", "primary", "standby", fmt.Sprint(p.Node)}[p.Target]
		words = append(words, fmt.Sprint(p.Name, " ", node, " ", p.Ratio))
	}
	return strings.Join(words, "; ")
}

// Whatever the text: no panic, and what is accepted is in range.
func FuzzParsePreferences(f *testing.F) {
	f.Add(`a:1,b\,c:standby(0.5),d:primary`)
	f.Fuzz(func(t *testing.T, list string) {
		all, err := ParsePreferences(list, 3)
		for _, p := range all {
			if err != nil || p.Name == nil || p.Target == TargetAny || p.Node < 0 || p.Node > 2 || !(p.Ratio >= 0 && p.Ratio <= 1) {
				t.Errorf("%q: %+v, %v", list, p, err)
			}
		}
	})
}

// The user's section goes before the database's, and that before the general one.
func TestScopeConsistency(t *testing.T) {
	c := mustParse(t, `
nodes: [{host: db1}]
monitor: {user: pgherd}
auth: {type: trust}
consistency: eventual
databases: {bank: {consistency: global}}
users: {batch: {consistency: session}}
`)
	for who, want := range map[[2]string]Consistency{
		{"bank", "batch"}: ConsistencySession, {"bank", "ann"}: ConsistencyGlobal, {"shop", "ann"}: ConsistencyEventual,
	} {
		if got := c.Scope(who[0], who[1]).Consistency(); got != want {
			t.Errorf("%v: %s, want %s", who, got, want)
		}
	}
}
