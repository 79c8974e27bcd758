package sqlparse

import (
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for sql, want := range map[string]string{
		`set search_path = a, "B"`:       `SET "search_path" TO 'a', 'B'`,
		`SET Work_Mem TO '4MB'`:          `SET "work_mem" TO '4MB'`,
		`set local x = -5; set y to 1.5`: `SET LOCAL "x" TO -5; SET "y" TO 1.5`,
		`set a = 0`:                      `SET "a" TO 0`,
		`set session a = on`:             `SET "a" TO 'on'`,
		`set a = true`:                   `SET "a" TO 'true'`,
		`set a to default`:               `RESET "a"`,
		`set local a to default`:         `SET LOCAL "a" TO DEFAULT`,
		`reset a`:                        `RESET "a"`,
		`reset all`:                      `RESET ALL`,
		`set time zone 'Europe/Vienna'`:  `SET "timezone" TO 'Europe/Vienna'`,
		`set time zone -7`:               `SET "timezone" TO -7`,
		`set time zone local`:            `RESET "timezone"`,
		`set names 'latin1'`:             `SET "client_encoding" TO 'latin1'`,
		`set names`:                      `RESET "client_encoding"`,
		`set schema 'a'`:                 `SET "search_path" TO 'a'`,
		`set "app.user" = 'O''Brien'`:    `SET "app.user" TO 'O''Brien'`,
		`set app.path = 'c:\x'`:          `SET "app.path" TO E'c:\\x'`,
		`set datestyle to iso, dmy`:      `SET "datestyle" TO 'iso', 'dmy'`,
		`set a = ''`:                     `SET "a" TO ''`,
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
			got = append(got, s.SQL())
		}
		if strings.Join(got, "; ") != want || ok != (want != "") {
			t.Errorf("%s\n got %v %q\nwant %q", sql, ok, got, want)
		}
	}
}

// What SQL prints must read back as the same setting: it is sent to other servers.
func TestSettingsReadBack(t *testing.T) {
	for _, s := range samples(t) {
		list, _ := Settings(s.sql)
		for _, first := range list {
			again, ok := Settings(first.SQL())
			if !ok || len(again) != 1 || again[0] != first {
				t.Errorf("facts.txt:%d: %s reads back as %+v", s.line, first.SQL(), again)
			}
		}
	}
}

// The caller relies on it: a SET that stays is either listed by Settings or pins.
func TestEverySetIsTrackedOrPins(t *testing.T) {
	p := New(16)
	for _, s := range samples(t) {
		f := p.Parse([]byte(s.sql))
		if f.Kind != Set || !f.Traits.Has(SessionState) {
			continue
		}
		if _, ok := Settings(s.sql); !ok && f.Pin == PinNone {
			t.Errorf("facts.txt:%d: %s is neither tracked nor pinned", s.line, s.sql)
		}
	}
}
