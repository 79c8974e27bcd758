package config

import (
	"maps"
	"testing"
)

func TestTablespaces(t *testing.T) {
	n := Node{TablespaceMapping: []string{"/ssd/ts=/ssd/ts1/", `/a\=b/=/c\=d`}}
	want := map[string]string{"/ssd/ts": "/ssd/ts1", "/a=b": "/c=d"}
	if got := n.Tablespaces(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
