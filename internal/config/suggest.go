package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hbollon/go-edlib"
)

// unknownKey words the error for a key that the section does not have.
// section is "" at the top level.
func unknownKey(section, name string, known []string) string {
	msg := fmt.Sprintf("unknown key %q", join(section, name))
	if key, ok := theirs(section, name, known); ok {
		return fmt.Sprintf("%s; here it is %q", msg, key)
	}
	if near, ok := nearest(name, known); ok {
		return fmt.Sprintf("%s; did you mean %q?", msg, join(section, near))
	}
	if elsewhere, ok := misplaced(name); ok {
		return fmt.Sprintf("%s; did you mean %q?", msg, elsewhere)
	}
	return msg + "; known here: " + strings.Join(known, ", ")
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

// nearest is the first of known with the smallest edit distance to name, if
// at most a third of the letters (and one in short words) differ.
func nearest(name string, known []string) (string, bool) {
	best, distance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := edlib.OSADamerauLevenshteinDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best, best != ""
}

// misplaced finds the section that has a key of this name.
func misplaced(name string) (string, bool) {
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if strings.HasSuffix(key, "."+name) {
			return key, true
		}
	}
	return "", false
}

// keys lists the full names of all keys below t that hold a value: pool.size,
// nodes[].host.
func keys(t reflect.Type, prefix string) []string {
	var all []string
	for f := range t.Fields() {
		name := join(prefix, f.Tag.Get("yaml"))
		switch {
		case f.Anonymous:
			all = append(all, keys(f.Type, prefix)...)
		case isSection(f.Type):
			all = append(all, keys(f.Type, name)...)
		case f.Type.Kind() == reflect.Slice && isSection(f.Type.Elem()):
			all = append(all, keys(f.Type.Elem(), name+"[]")...)
		case f.Type.Kind() == reflect.Map:
			all = append(all, keys(f.Type.Elem(), name+".NAME")...)
		default:
			all = append(all, name)
		}
	}
	return slices.Clip(all)
}
