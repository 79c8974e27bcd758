package config

import (
	"errors"
	"testing"
)

// The parser's line numbers are off by one in some of its errors.
func TestSyntaxErrorsNameTheLine(t *testing.T) {
	tests := []struct {
		text string
		line int
	}{
		{"loops: [", 1},
		{"loops: 1\nlisten: [\"a\"\nnodes:\n", 2},
		{"loops: 1\npool: {size: 1\nnodes:\n", 2},
		{"loops: 1\nstate_dir: a: b\n", 2},
		{"loops: 1\nlisten\nnodes:\n", 2},
		{"loops: 1\n\tsize: 1\n", 2},
		{"loops: 1\nstate_dir: \"\\q\"\n", 2},
		{"loops: 1\nstate_dir: @x\n", 2},
		{"pool:\n  size: 1\n mode: session\n", 3},
		{"loops: 1\n\xff", 2},
		{"loops: 1\n\n\x00", 3},
		{"loops: 1\nstate_dir: *x\n", 2},
	}
	for _, tt := range tests {
		_, err := parse("test.yaml", []byte(tt.text), etc())
		var e *Error
		if !errors.As(err, &e) || e.Line != tt.line {
			t.Errorf("%q: got %v, want line %d", tt.text, err, tt.line)
		}
	}
}
