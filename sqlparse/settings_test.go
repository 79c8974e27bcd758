package sqlparse

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func (s Setting) text() string {
	text := s.Name + "=" + s.Value
	switch {
	case s.ResetAll:
		return "reset all"
	case s.Reset:
		text = "reset " + s.Name
	}
	if s.Local {
		return "local " + text
	}
	return text
}

func TestSettings(t *testing.T) {
	for sql, want := range map[string]string{
		`set search_path = a, "B"`:       `search_path=a, "B"`,
		`SET Work_Mem TO '4MB'`:          `work_mem=4MB`,
		`set local x = -5; set y to 1.5`: `local x=-5; y=1.5`,
		`set a = 0`:                      `a=0`,
		`set session a = on`:             `a=on`,
		`set a = true`:                   `a=true`,
		`set a to default`:               `reset a`,
		`set local a to default`:         `local reset a`,
		`reset a`:                        `reset a`,
		`reset all`:                      `reset all`,
		`set time zone 'Europe/Vienna'`:  `timezone=Europe/Vienna`,
		`set time zone -7`:               `timezone=-7`,
		`set time zone local`:            `reset timezone`,
		`set names 'latin1'`:             `client_encoding=latin1`,
		`set names`:                      `reset client_encoding`,
		`set schema 'a'`:                 `search_path=a`,
		`set "app.user" = 'O''Brien'`:    `app.user=O'Brien`,
		`set app.path = 'c:\x'`:          `app.path=c:\x`,
		`set datestyle to iso, dmy`:      ``,
		`set a = ''`:                     `a=`,
		`set search_path = "$user", "select", name, ''`:        `search_path="$user", "select", name, ""`,
		`set session characteristics as transaction read only`: "",
		`set role x`:                        "",
		`set session authorization default`: "",
		`reset role`:                        "",
		`set transaction read only`:         "",
		`set transaction_read_only = on`:    "",
		`set time zone interval '1' hour`:   "",
		`set seed = 0.5`:                    "",
		`set a from current`:                "",
		`set a = 1; select 1`:               "",
		`set "a b" = 1`:                     "",
		`select 1`:                          "",
		``:                                  "",
		`set`:                               "",
		"set a = 'x\x00'":                   "",
	} {
		list, ok := Settings(sql)
		var got []string
		for _, s := range list {
			got = append(got, s.text())
		}
		if strings.Join(got, "; ") != want || ok != (want != "") {
			t.Errorf("%s\n got %v %q\nwant %q", sql, ok, got, want)
		}
	}
}

// Ensure that the names that set_config is given are found wherever it is called.
func TestConfigured(t *testing.T) {
	for sql, want := range map[string]Configured{
		`select set_config('a.b', 'c', false)`:                                      {Names: []string{"a.b"}},
		`select set_config($2::text, $1, $3), set_config('x'::text, '', false)`:     {Names: []string{"x"}, Numbers: []int{2}},
		`with w as (select pg_catalog.set_config('a', 'b', false)) select * from w`: {Names: []string{"a"}},
		`select set_config(n, v, false) from t`:                                     {Computed: true},
		`select other.set_config('a', 'b', false), 1`:                               {},
		`select set_config(`: {Computed: true},
	} {
		if got := FindConfigured(sql); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", sql, got, want)
		}
	}
}

func TestNamings(t *testing.T) {
	for sql, want := range map[string]string{
		`prepare "P x" (int) as select pg_advisory_lock($1)`: `[P x: prepare "P x" (int) as select pg_advisory_lock($1): select | writes+session-state | advisory lock] []`,
		`execute P(1)`:                     `[] [p]`,
		`explain analyze execute a`:        `[] [a]`,
		`create temp table t as execute a`: `[] [a]`,
		`execute a; execute b`:             `[] [a b]`,
		`deallocate prepare a`:             `[a] []`,
		`deallocate all`:                   `[] []`,
		`select 1; prepare a as select 'ä' /* ; */ ; deallocate a; execute b;`: `[a: prepare a as select 'ä' /* ; */: select |  |  a] [b]`,
		`explain create table t as execute "A"`:                                `[] [A]`,
	} {
		var got []string
		for _, n := range Namings(sql) {
			one := n.Name
			if n.Inner != nil {
				one += ": " + n.Text + ": " + show(n.Inner)
			}
			got = append(got, one)
		}
		if all := fmt.Sprint(got, " ", New(16).Parse([]byte(sql)).Executes); all != want {
			t.Errorf("%s\n got %s\nwant %s", sql, all, want)
		}
	}
}
