package config

import (
	"reflect"
	"strconv"

	"gopkg.in/yaml.v3"
)

// decoder copies a YAML tree into structs by their yaml tags. It is our own
// because every mistake shall carry its line and key, and all be found at once.
type decoder struct {
	*report
}

// value decodes n, found at key, into v.
func (d decoder) value(n *yaml.Node, v reflect.Value, key string) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		d.failAt(n.Line, key, "anchors, aliases and tags are not supported; quote a value that begins with &, * or !")
	case isSection(v.Type()):
		d.section(n, v, key)
	case v.Kind() == reflect.Slice:
		d.list(n, v, key)
	case v.Kind() == reflect.Map:
		d.table(n, v, key)
	case v.Kind() == reflect.Pointer: // of what may be left out
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), key)
	default:
		d.scalar(n, v, key)
	}
}

// isSection reports whether t is a mapping in the file.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Secret]()
}

func (d decoder) section(n *yaml.Node, v reflect.Value, key string) {
	if isNull(n) {
		return // a section whose keys are all commented out
	}
	if n.Kind != yaml.MappingNode {
		d.failAt(n.Line, key, "want keys and values, found %s", kindName(n))
		return
	}
	s := section{name: key, fields: fieldsOf(v), seen: make(map[string]int)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.entry(&s, n.Content[i], n.Content[i+1])
	}
}

// section is the state of decoding one mapping.
type section struct {
	name     string
	fields   []field
	seen     map[string]int // key -> line
	previous *field         // of the entry before, nil if that was unknown
}

type field struct {
	name  string
	value reflect.Value
}

// fieldsOf are the keys of a section; those of a struct that is embedded are its
// own.
func fieldsOf(v reflect.Value) (fields []field) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Anonymous {
			fields = append(fields, fieldsOf(v.Field(i))...)
		} else {
			fields = append(fields, field{f.Tag.Get("yaml"), v.Field(i)})
		}
	}
	return fields
}

func (s *section) field(name string) *field {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	return nil
}

func (s *section) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

func (d decoder) entry(s *section, k, n *yaml.Node) {
	previous := s.previous
	s.previous = s.field(k.Value)
	key := join(s.name, k.Value)
	first, again := s.seen[k.Value]
	switch {
	case k.Kind != yaml.ScalarNode:
		d.failAt(k.Line, s.name, "a key must be a word, found %s", kindName(k))
	case s.previous == nil && previous.isSecret() && isNull(n):
		// {password: a,b} makes b a key: half a password, not to be shown.
		d.failAt(k.Line, join(s.name, previous.name), "an unknown key without a value follows; quote a password that has commas in it")
		s.previous = previous
	case s.previous == nil:
		d.add(k.Line, key, unknownKey(s.name, k.Value, s.names()))
	case again:
		d.failAt(k.Line, key, "set twice, first on line %d", first)
	default:
		s.seen[k.Value] = k.Line
		d.lines[key] = k.Line
		d.value(n, s.previous.value, key)
	}
}

func (f *field) isSecret() bool {
	return f != nil && f.value.Type() == reflect.TypeFor[Secret]()
}

func (d decoder) list(n *yaml.Node, v reflect.Value, key string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.failAt(n.Line, key, "want a list, found %s", kindName(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		itemKey := key + "[" + strconv.Itoa(i) + "]"
		d.lines[itemKey] = item.Line
		if s, ok := v.Index(i).Addr().Interface().(interface{ setDefaults() }); ok {
			s.setDefaults()
		}
		d.value(item, v.Index(i), itemKey)
	}
}

// table decodes sections under names that the user chooses.
func (d decoder) table(n *yaml.Node, v reflect.Value, key string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.failAt(n.Line, key, "want names and their sections, found %s", kindName(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.tableEntry(v, n.Content[i], n.Content[i+1], key)
	}
}

func (d decoder) tableEntry(table reflect.Value, k, n *yaml.Node, key string) {
	entryKey := join(key, k.Value)
	name := reflect.ValueOf(k.Value)
	switch {
	case k.Kind != yaml.ScalarNode || k.Value == "":
		d.failAt(k.Line, key, "want a name before each section")
		return
	case table.MapIndex(name).IsValid():
		d.failAt(k.Line, entryKey, "set twice, first on line %d", d.lines[entryKey])
		return
	}
	d.lines[entryKey] = k.Line
	entry := reflect.New(table.Type().Elem()).Elem()
	d.value(n, entry, entryKey)
	table.SetMapIndex(name, entry)
}

func (d decoder) scalar(n *yaml.Node, v reflect.Value, key string) {
	switch {
	case isNull(n):
		d.failAt(n.Line, key, "has no value; give one or remove the key")
	case n.Kind != yaml.ScalarNode:
		d.failAt(n.Line, key, "want %s, found %s", wanted(v), kindName(n))
	case !setScalar(v, n.Value):
		d.failAt(n.Line, key, "want %s, found %q", wanted(v), n.Value)
	}
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// kindName never shows a value: it might be a misplaced password.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys and values"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "a single value"
	}
}
