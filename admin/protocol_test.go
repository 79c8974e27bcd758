package admin

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"
)

// ask sends messages and Sync, and checks what comes back up to ReadyForQuery.
func (c *raw) ask(ready string, messages []pgproto3.FrontendMessage, want ...string) {
	c.t.Helper()
	c.send(append(messages, &pgproto3.Sync{})...)
	got := c.until("ReadyForQuery " + ready)
	if got = got[:len(got)-1]; !slices.Equal(got, want) {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

type batch = []pgproto3.FrontendMessage

func TestRowLimitSuspendsPortal(t *testing.T) {
	c := serve(t, testConsole(&engines{})).raw(t, "reader")
	c.send(&pgproto3.Query{String: "BEGIN"})
	c.until("ReadyForQuery T")
	c.ask("T", batch{
		&pgproto3.Parse{Query: "SHOW POOL_NODES"}, &pgproto3.Bind{DestinationPortal: "p"},
		&pgproto3.Execute{Portal: "p", MaxRows: 2},
	}, "ParseComplete", "BindComplete", "row 0", "row 1", "PortalSuspended")
	c.ask("T", batch{&pgproto3.Execute{Portal: "p", MaxRows: 2}}, "row 2", "SELECT 1")
	c.ask("T", batch{&pgproto3.Execute{Portal: "p"}}, "SELECT 0")
	c.send(&pgproto3.Query{String: "COMMIT"})
	c.until("ReadyForQuery I")
	c.ask("I", batch{&pgproto3.Execute{Portal: "p"}}, "ERROR 34000")
}

func TestErrorSkipsToSync(t *testing.T) {
	e := &engines{}
	c := serve(t, testConsole(e)).raw(t, "admin")
	c.ask("I", batch{
		&pgproto3.Parse{Query: "FROBNICATE"}, &pgproto3.Bind{}, &pgproto3.Execute{},
		&pgproto3.Query{String: "DETACH NODE 1"}, &pgproto3.Flush{},
	}, "ERROR 42601")
	c.ask("I", batch{
		&pgproto3.Parse{Name: "s", Query: "DETACH NODE 1"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"},
	}, "ParseComplete", "ParameterDescription", "NoData")
	if calls := e.noted(); len(calls) > 0 {
		t.Errorf("ran %q", calls)
	}
}

func TestPortalRunsOnce(t *testing.T) {
	e := &engines{}
	c := serve(t, testConsole(e)).raw(t, "admin")
	c.ask("I", batch{
		&pgproto3.Parse{Query: "DETACH NODE 1"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Execute{},
	}, "ParseComplete", "BindComplete", "DETACH NODE", "ERROR 55000")
	if calls := e.noted(); !slices.Equal(calls, []string{"detach"}) {
		t.Errorf("ran %q", calls)
	}
}

func TestExtendedErrors(t *testing.T) {
	parse := &pgproto3.Parse{Name: "s", Query: "SHOW POOL_NODES"}
	tests := []struct {
		name     string
		messages batch
		want     []string
	}{
		{"unknown statement", batch{&pgproto3.Bind{PreparedStatement: "x"}}, []string{"ERROR 26000"}},
		{"unknown portal", batch{&pgproto3.Describe{ObjectType: 'P', Name: "x"}}, []string{"ERROR 34000"}},
		{"close of the unknown", batch{&pgproto3.Close{ObjectType: 'S', Name: "x"}}, []string{"CloseComplete"}},
		{"statement twice", batch{parse, parse}, []string{"ParseComplete", "ERROR 42P05"}},
		{"replaced after close", batch{parse, &pgproto3.Close{ObjectType: 'S', Name: "s"}, parse},
			[]string{"ParseComplete", "CloseComplete", "ParseComplete"}},
		{"portal twice", batch{parse,
			&pgproto3.Bind{PreparedStatement: "s", DestinationPortal: "p"},
			&pgproto3.Bind{PreparedStatement: "s", DestinationPortal: "p"}},
			[]string{"ParseComplete", "BindComplete", "ERROR 42P03"}},
		{"parameters nobody asked for", batch{parse, &pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{{'1'}}}},
			[]string{"ParseComplete", "ERROR 08P01"}},
		{"too few formats", batch{parse, &pgproto3.Bind{PreparedStatement: "s", ResultFormatCodes: []int16{0, 0}}},
			[]string{"ParseComplete", "ERROR 08P01"}},
		{"unknown format", batch{parse, &pgproto3.Bind{PreparedStatement: "s", ResultFormatCodes: []int16{2}}},
			[]string{"ParseComplete", "ERROR 22023"}},
		{"empty query", batch{&pgproto3.Parse{Query: "-- ping"}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}},
			[]string{"ParseComplete", "BindComplete", "NoData", "EmptyQueryResponse"}},
		{"late copy data", batch{&pgproto3.CopyData{}, &pgproto3.CopyDone{}}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			serve(t, testConsole(&engines{})).raw(t, "reader").ask("I", tt.messages, tt.want...)
		})
	}
}

func TestStatementsAreBounded(t *testing.T) {
	c := serve(t, testConsole(&engines{})).raw(t, "reader")
	for i := range maxObjects {
		c.send(&pgproto3.Parse{Name: string(rune('a' + i)), Query: "HELP"})
	}
	c.send(&pgproto3.Parse{Name: "one more", Query: "HELP"}, &pgproto3.Sync{})
	got := c.until("ReadyForQuery I")
	if len(got) != maxObjects+2 || got[maxObjects] != "ERROR 54000" {
		t.Errorf("%d answers, the last %q", len(got), got[len(got)-2:])
	}
}

func TestFlushSendsWithoutSync(t *testing.T) {
	c := serve(t, testConsole(&engines{})).raw(t, "reader")
	c.send(&pgproto3.Parse{Query: "HELP"}, &pgproto3.Flush{})
	c.until("ParseComplete")
}

func TestFunctionCallIsRefused(t *testing.T) {
	c := serve(t, testConsole(&engines{})).raw(t, "reader")
	c.send(&pgproto3.FunctionCall{Function: 1})
	if got := c.until("ReadyForQuery I"); got[0] != "ERROR 0A000" {
		t.Errorf("got %q", got)
	}
}

// The client sends all of it before it reads.
func TestTooLargeMessage(t *testing.T) {
	r := serve(t, testConsole(&engines{}))
	c := r.raw(t, "reader")
	c.send(&pgproto3.Query{String: "SELECT '" + strings.Repeat("x", 8<<20) + "'"})
	c.until("FATAL 54000")
}

func TestViolationsEndTheSession(t *testing.T) {
	tests := map[string][]byte{
		"unknown type":              {'?', 0, 0, 0, 4},
		"length below the minimum":  {'Q', 0, 0, 0, 3},
		"length beyond the maximum": {'Q', 0x7f, 0xff, 0xff, 0xff},
		"query without an end":      {'Q', 0, 0, 0, 4},
		"negative parameter length": {'B', 0, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf0, 0, 0},
	}
	for name, bytes := range tests {
		t.Run(name, func(t *testing.T) {
			r := serve(t, testConsole(&engines{}))
			c := r.raw(t, "reader")
			if _, err := c.conn.Write(bytes); err != nil {
				t.Fatal(err)
			}
			c.until("FATAL 08P01")
			if err := <-r.served; err == nil {
				t.Error("Serve returned nil")
			}
		})
	}
}
