package sqlparse

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/inventory.txt
var inventoryText string

// listed is what inventory.txt says of a text.
func listed(f *Facts) string {
	var tables, functions []string
	for _, t := range f.Tables {
		name := dotted(t.Schema, t.Name)
		if t.Written {
			name += "!"
		}
		tables = append(tables, name)
	}
	for _, fn := range f.Functions {
		functions = append(functions, fmt.Sprintf("%s/%d", dotted(fn.Schema, fn.Name), fn.Args))
	}
	slices.Sort(tables)
	return strings.Join(tables, ", ") + " | " + strings.Join(functions, ", ")
}

func dotted(schema, name string) string { return strings.TrimPrefix(schema+"."+name, ".") }

func TestInventory(t *testing.T) {
	for i, line := range strings.Split(inventoryText, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		field := strings.SplitN(line, "|", 3)
		want := strings.TrimSpace(field[0]) + " | " + strings.TrimSpace(field[1])
		if got := listed(New(16).Parse([]byte(strings.TrimSpace(field[2])))); got != want {
			t.Errorf("inventory.txt:%d: %s\n got %s\nwant %s", i+1, field[2], got, want)
		}
	}
}

func TestModes(t *testing.T) {
	for sql, want := range map[string]Modes{
		"begin":                                 {},
		"select 1":                              {},
		"begin isolation level repeatable read": {Isolation: RepeatableRead},
		"start transaction read only":           {Access: ReadOnly},
		"begin isolation level serializable, read only, deferrable":                                         {SerializableLevel, ReadOnly, true},
		"begin read write, not deferrable":                                                                  {Access: ReadWrite},
		"set transaction isolation level read uncommitted":                                                  {Isolation: ReadUncommitted},
		"set session characteristics as transaction isolation level read committed":                         {Isolation: ReadCommitted},
		"begin isolation level repeatable read; set transaction read only":                                  {Isolation: RepeatableRead, Access: ReadOnly},
		"begin isolation level repeatable read; set transaction isolation level serializable; select now()": {Isolation: SerializableLevel},
	} {
		if got := New(16).Parse([]byte(sql)).Modes; got != want {
			t.Errorf("%s: %+v, want %+v", sql, got, want)
		}
	}
}
