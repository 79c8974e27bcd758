package config

import (
	"fmt"
	"regexp"
)

// Patterns compiles one of Pgpool-II's lists of patterns: regular expressions (RE2)
// that must match the whole of a name or text, whatever its case. Load has tried those
// in the file.
func Patterns(list []string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	for _, text := range list {
		if _, err := regexp.Compile(text); err != nil { // with brackets around it ")(" would pass
			return nil, err
		}
		p, err := regexp.Compile(`(?is)^(?:` + text + `)$`)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (v validator) patterns(key string, list []string) {
	for i, text := range list {
		item := fmt.Sprintf("%s[%d]", key, i)
		v.notEmpty(item, text)
		if _, err := Patterns([]string{text}); err != nil {
			v.failf(item, "%q: %v", text, err)
		}
	}
}
