package config

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Who migrates is told keys that there are, and by the same names as by the
// errors that a file with the other's names gets.
func TestMigratingNamesKeys(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| ([^|]*`[^|]*) \\| ([^|]*`[^|]*) \\| [^|]*\\|$")
	name := regexp.MustCompile("`([^`]+)`")
	rows := row.FindAllStringSubmatch(readText(t, "../../docs/migrating.md"), -1)
	if len(rows) < 50 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		ours := map[string]bool{}
		for _, m := range name.FindAllStringSubmatch(r[2], -1) {
			ours[m[1]] = true
			if !slices.Contains(allKeys(), m[1]) {
				t.Errorf("%s is no key", m[1])
			}
		}
		for _, m := range name.FindAllStringSubmatch(r[1], -1) {
			key, ok := theirs("", m[1], nil)
			if ok && !ours[key] && !strings.Contains(r[2], ".NAME.") {
				t.Errorf("%s is %s in errors, and %s in the table", m[1], key, r[2])
			}
		}
	}
}
