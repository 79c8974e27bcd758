package admin

import "strings"

// option is one that a command takes in WITH (name = value, ...). One without a
// value is only named.
type option struct {
	name  string // in lower case
	value string // what its value is, for errors; "" when it takes none
	set   func(value token) error
}

// options consumes WITH (...) when it is there.
func (a *args) options(known []option) error {
	if !a.try("WITH") {
		return nil
	}
	if err := a.symbol("("); err != nil {
		return err
	}
	for {
		if err := a.option(known); err != nil {
			return err
		}
		if !a.trySymbol(",") {
			return a.symbol(")")
		}
	}
}

func (a *args) option(known []option) error {
	for _, o := range known {
		if !a.tryFold(o.name) {
			continue
		}
		if o.value == "" {
			return o.set(token{})
		}
		if err := a.symbol("="); err != nil {
			return err
		}
		if k := a.peek().kind; k == tokenEnd || k == tokenSymbol {
			a.expected = append(a.expected, o.value)
			return a.fail()
		}
		return o.set(a.next())
	}
	return a.fail()
}

// tryFold is try for a word that is written in lower case.
func (a *args) tryFold(word string) bool {
	if a.peek().is(strings.ToUpper(word)) {
		a.next()
		return true
	}
	a.expected = append(a.expected, word)
	return false
}

func (a *args) trySymbol(symbol string) bool {
	if t := a.peek(); t.kind == tokenSymbol && t.text == symbol {
		a.next()
		return true
	}
	a.expected = append(a.expected, `"`+symbol+`"`)
	return false
}

func (a *args) symbol(symbol string) error {
	if !a.trySymbol(symbol) {
		return a.fail()
	}
	return nil
}

// literal is the text that a value stands for, quoted or not.
func (t token) literal() string {
	if t.kind != tokenQuoted {
		return t.text
	}
	return strings.ReplaceAll(strings.Trim(t.text, "'"), "''", "'")
}

// invalid is the error of a value that has the wrong form.
func (t token) invalid(format string, args ...any) *sqlError {
	e := newError(codeInvalidParameter, format, args...)
	e.position = t.position
	return e
}
