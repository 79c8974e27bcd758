package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Setting is one key of the file as it is in force.
type Setting struct {
	Key        string // pool.size, nodes.0.host, databases.app.pool_mode
	Value      string // secrets are not shown
	Default    string
	Changeable bool // by a reload; the others need a restart
}

// Settings lists every key in the order of the file.
func (c *Config) Settings() []Setting {
	var defaults Config
	defaults.setDefaults()
	known := map[string]string{}
	for _, s := range flatten(reflect.ValueOf(&defaults).Elem(), "") {
		known[s.Key] = s.Value
	}
	all := flatten(reflect.ValueOf(c).Elem(), "")
	for i, s := range all {
		all[i].Default = known[s.Key]
		all[i].Changeable = len(NeedRestart([]string{sectionKey(s.Key)}, c, c)) == 0
	}
	return all
}

// sectionKey is the key as Diff has it: a list or a table of sections is one.
func sectionKey(key string) string {
	for _, list := range []string{"nodes", "databases", "users"} {
		if len(key) > len(list) && key[:len(list)+1] == list+"." {
			return list
		}
	}
	return key
}

func flatten(v reflect.Value, prefix string) []Setting {
	var all []Setting
	for _, f := range fieldsOf(v) {
		all = append(all, flattenValue(f.value, join(prefix, f.name))...)
	}
	return all
}

func flattenValue(v reflect.Value, key string) []Setting {
	switch {
	case isSection(v.Type()):
		return flatten(v, key)
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return flattenValue(v.Elem(), key)
	case v.Kind() == reflect.Slice && isSection(v.Type().Elem()):
		var all []Setting
		for i := range v.Len() {
			all = append(all, flatten(v.Index(i), key+"."+strconv.Itoa(i))...)
		}
		return all
	case v.Kind() == reflect.Map:
		return flattenMap(v, key)
	}
	return []Setting{{Key: key, Value: fmt.Sprint(v.Interface())}}
}

func flattenMap(v reflect.Value, key string) []Setting {
	names := v.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	var all []Setting
	for _, name := range names {
		all = append(all, flattenValue(v.MapIndex(name), join(key, name.String()))...)
	}
	return all
}
