package config

import (
	"bytes"
	"regexp"
)

// otherFormat is the line where data proves to be in the format of pgbouncer.ini
// or pgpool.conf: the first that is no comment is a section or an assignment. 0
// when it is not.
func otherFormat(data []byte) int {
	line := 0
	for text := range bytes.Lines(data) {
		line++
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] == '#' || text[0] == ';' {
			continue
		}
		if regexp.MustCompile(`^(\[\w+\]$|\w+\s*=)`).Match(text) {
			return line
		}
		return 0
	}
	return 0
}

// tabbed reports whether a line of data is indented with tabs, which YAML does
// not allow.
func tabbed(data []byte, line int) bool {
	for text := range bytes.Lines(data) {
		if line--; line == 0 {
			return regexp.MustCompile(`^ *\t`).Match(text)
		}
	}
	return false
}
