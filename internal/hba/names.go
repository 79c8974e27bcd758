package hba

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

const maxIncludes = 10 // PostgreSQL's CONF_FILE_MAX_DEPTH

func (p *parser) databases(f field) ([]matcher, error) {
	return p.list(f, p.file, 0, func(t token) (matcher, error) {
		switch {
		case t.is("all"):
			return notReplication(func(Facts) bool { return true }), nil
		case t.is("sameuser"):
			return notReplication(func(f Facts) bool { return f.Database == f.User }), nil
		case t.is("replication"):
			return func(f Facts) bool { return f.Replication }, nil
		case t.is("samerole"), t.is("samegroup"):
			return nil, fmt.Errorf("%s is not supported: pgherd does not know who is a member of a role", t.text)
		}
		m, err := name(t, func(f Facts) string { return f.Database })
		return notReplication(m), err
	})
}

// notReplication is for all but the keyword replication.
func notReplication(m matcher) matcher {
	return func(f Facts) bool { return !f.Replication && m(f) }
}

func (p *parser) users(f field) ([]matcher, error) {
	return p.list(f, p.file, 0, func(t token) (matcher, error) {
		switch {
		case t.is("all"):
			return func(Facts) bool { return true }, nil
		case !t.quoted && strings.HasPrefix(t.text, "+"):
			return nil, fmt.Errorf("%s is not supported: pgherd does not know who is a member of a role; list the users", t.text)
		}
		return name(t, func(f Facts) string { return f.User })
	})
}

// name is a literal or, after a slash, a regular expression.
func name(t token, of func(Facts) string) (matcher, error) {
	pattern, ok := strings.CutPrefix(t.text, "/")
	if !ok {
		return func(f Facts) bool { return of(f) == t.text }, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", pattern, err)
	}
	return func(f Facts) bool { return re.MatchString(of(f)) }, nil
}

// list turns words into matchers; @file stands for the words in that file.
func (p *parser) list(f field, file string, depth int, one func(token) (matcher, error)) ([]matcher, error) {
	var all []matcher
	for _, t := range f {
		if !t.quoted && len(t.text) > 1 && t.text[0] == '@' {
			more, err := p.include(t.text[1:], file, depth, one)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
			continue
		}
		m, err := one(t)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// include reads the words of a file that is named in another.
func (p *parser) include(path, from string, depth int, one func(token) (matcher, error)) ([]matcher, error) {
	if depth == maxIncludes {
		return nil, fmt.Errorf("@%s: files are nested too deeply", path)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	data, err := p.readFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the list: %w", err)
	}
	lines, errs := scan(path, string(data))
	if len(errs) > 0 {
		return nil, errs[0]
	}
	var all []matcher
	for _, l := range lines {
		for _, f := range l.fields {
			more, err := p.list(f, path, depth+1, one)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, l.number, err)
			}
			all = append(all, more...)
		}
	}
	return all, nil
}
