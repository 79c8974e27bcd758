package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Diff lists the keys whose values differ: pool.size, log.level. A list or a
// table of sections counts as one key.
func Diff(a, b *Config) []string {
	return diff(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "")
}

func diff(a, b reflect.Value, prefix string) []string {
	var changed []string
	for i, f := range fieldsOf(a) {
		name, other := join(prefix, f.name), fieldsOf(b)[i].value
		switch {
		case isSection(f.value.Type()):
			changed = append(changed, diff(f.value, other, name)...)
		case !reflect.DeepEqual(f.value.Interface(), other.Interface()):
			changed = append(changed, name)
		}
	}
	return changed
}

// restart is the keys, or sections, that are only read when pgherd starts.
func restart() []string {
	return []string{"listen", "unix_socket_mode", "nodes", "monitor", "tls", "state_dir", "loops", "io_method",
		"health_check", "failover", "recovery", "log.format", "log.file",
		"auth.query_user", "auth.query", "auth.database", "auth.query_ttl"}
}

// NeedRestart keeps those of Diff's keys that take effect with the next start.
// What may change of a node while pgherd runs is its weight: see SameNodes, and
// AddedNodes.
func NeedRestart(changed []string, a, b *Config) []string {
	var kept []string
	for _, key := range changed {
		if key == "nodes" && SameNodes(a, b) {
			continue
		}
		section, _, _ := strings.Cut(key, ".")
		if list := restart(); slices.Contains(list, key) || slices.Contains(list, section) {
			kept = append(kept, key)
		}
	}
	return kept
}

// Describe is a key with its old and new value, for people.
func Describe(a, b *Config, key string) string {
	if v := reflect.ValueOf(valueAt(a, key)); v.Kind() == reflect.Map || (v.Kind() == reflect.Slice && isSection(v.Type().Elem())) {
		return key + ": changed"
	}
	return fmt.Sprintf("%s: %v -> %v", key, valueAt(a, key), valueAt(b, key))
}

func valueAt(c *Config, key string) any {
	v := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		s := section{fields: fieldsOf(v)}
		v = s.field(name).value
	}
	return v.Interface()
}
