package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// With is c with another value for one key, such as pool.size, in the form that
// the file has it: 30s, [a, b]. c is not changed. Nodes, databases and users, and
// what is only read when pgherd starts, cannot be set so. Errors name the key.
func (c *Config) With(key, value string) (*Config, error) {
	next := *c
	v, err := next.at(key)
	if err != nil {
		return nil, err
	}
	if k := v.Kind(); k == reflect.Map || isSection(v.Type()) || k == reflect.Slice && isSection(v.Type().Elem()) {
		return nil, fmt.Errorf("%s: it is not a single value; change it in the configuration file", key)
	}
	if len(NeedRestart([]string{key}, c, c)) > 0 {
		return nil, fmt.Errorf("%s: it is only read when pgherd starts", key)
	}
	node := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	if v.Kind() == reflect.Slice {
		if node, err = list(value); err != nil {
			return nil, fmt.Errorf("%s: want a list as [a, b], found %q", key, value)
		}
	}
	r := &report{lines: map[string]int{}}
	decoder{r}.value(&node, v, key)
	if len(r.errs) == 0 {
		r.errs = newMistakes(c, &next)
	}
	if len(r.errs) > 0 {
		return nil, errors.New(r.errs[0].Msg)
	}
	return &next, nil
}

// newMistakes are those of next that c has not: what depends on which keys the
// file has looks wrong in both.
func newMistakes(c, next *Config) []*Error {
	before, after := &report{}, &report{}
	validator{before}.config(c)
	validator{after}.config(next)
	return slices.DeleteFunc(after.errs, func(e *Error) bool {
		return slices.ContainsFunc(before.errs, func(old *Error) bool { return old.Msg == e.Msg })
	})
}

// list reads a list as it stands in the file.
func list(text string) (yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return document, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.SequenceNode {
		return document, errors.New("not a list")
	}
	return *document.Content[0], nil
}

// at is the value of a key that stands in no list or table.
func (c *Config) at(key string) (reflect.Value, error) {
	v, name := reflect.ValueOf(c).Elem(), ""
	for part := range strings.SplitSeq(key, ".") {
		if !isSection(v.Type()) {
			return v, fmt.Errorf("%s: %s is not a section; change lists and tables in the configuration file", key, name)
		}
		s := section{name: name, fields: fieldsOf(v)}
		f := s.field(part)
		if f == nil {
			return v, errors.New(unknownKey(name, part, s.names()))
		}
		v, name = f.value, join(name, part)
	}
	return v, nil
}
