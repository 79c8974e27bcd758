package admin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pgherd/pgherd/internal/livesql"
)

// statement is one parsed command, ready to run.
type statement struct {
	*command
	run   runFunc
	text  string         // its words, as they are logged
	query *livesql.Query // of a SELECT, which has no run before its parameters are known, and of COPY
	copy  *livesql.Copy  // how the rows are sent, if not as those of a query
}

// parameters are the type OIDs of what Bind must give.
func (s *statement) parameters() []uint32 {
	if s.query == nil {
		return nil
	}
	return s.query.Params
}

// bound is what to run with these parameters.
func (s *statement) bound(args []any) runFunc {
	if s.query == nil {
		return s.run
	}
	return func(ctx context.Context, _ func(string)) ([][]any, error) { return s.query.Run(ctx, args) }
}

// language is what a session understands: commands, and queries if there is
// somebody to select.
type language struct {
	table   table
	selects func(sql string, declared []uint32) (statement, error)
	copies  func(sql string) (statement, error)
}

// parse turns a query string into statements; none when it is empty. Nothing is
// returned when one of them is wrong. declared are the parameters' types, as far
// as Parse told.
func (l language) parse(sql string, declared []uint32) ([]statement, error) {
	texts, err := scan(sql)
	if err != nil {
		return nil, err
	}
	var statements []statement
	for _, tokens := range texts {
		s, err := l.statement(tokens, declared)
		if err != nil {
			return nil, err
		}
		statements = append(statements, s)
	}
	return statements, nil
}

func (l language) statement(tokens []token, declared []uint32) (statement, error) {
	first, last := tokens[0].rest, tokens[len(tokens)-1].rest
	switch text := first[:len(first)-len(last)]; {
	case l.selects != nil && isQuery(tokens[0]):
		s, err := l.selects(text, declared)
		return s, moved(err, tokens[0].position-1)
	case l.copies != nil && tokens[0].is("COPY"):
		s, err := l.copies(text)
		return s, moved(err, tokens[0].position-1)
	}
	a := &args{tokens: tokens}
	c, err := l.table.find(a)
	if err != nil {
		return statement{}, err
	}
	run, err := c.parse(a)
	if err != nil {
		return statement{}, err
	}
	if a.made != nil {
		c = a.made
	}
	return statement{command: c, run: run, text: cmp.Or(a.text, joinWords(tokens))}, nil
}

// isQuery recognises what a SELECT begins with.
func isQuery(first token) bool {
	return first.is("SELECT") || first.is("WITH") || first.is("VALUES") || first.is("TABLE") || first.text == "("
}

// moved puts an error's position, which counts from the statement, into the query
// string.
func moved(err error, by int) error {
	if e, ok := errors.AsType[*sqlError](err); ok && e.position > 0 {
		e.position += by
	}
	return err
}

// find consumes the longest sequence of words that names a command.
func (t table) find(a *args) (*command, error) {
	candidates := t
	for depth := 0; ; depth++ {
		next := candidates.narrow(depth, a.peek())
		if len(next) > 0 {
			candidates = next
			a.next()
			continue
		}
		if i := slices.IndexFunc(candidates, func(c command) bool { return len(c.words) == depth }); i >= 0 {
			return &candidates[i], nil
		}
		a.expected = candidates.wordsAt(depth)
		return nil, readOnly(a.fail(), depth, a.peek())
	}
}

// readOnly has the error about a statement that writes say why there is none.
func readOnly(err error, depth int, word token) error {
	e, ok := errors.AsType[*sqlError](err)
	for _, writes := range []string{"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "CREATE", "ALTER", "DROP", "GRANT", "REVOKE"} {
		if ok && depth == 0 && word.is(writes) {
			e.hint = "the console's tables are views of what there is: only commands change it, and HELP lists them"
		}
	}
	return err
}

func joinWords(tokens []token) string {
	var words []string
	for _, t := range tokens[:len(tokens)-1] {
		words = append(words, t.text)
	}
	return strings.Join(words, " ")
}

// args walks over the tokens of one statement and remembers what would have
// been valid at the current one.
type args struct {
	tokens   []token // the last one is a tokenEnd
	expected []string
	made     *command // instead of the one that was found, when that depends on the arguments
	text     string   // for the log; "" for the statement's words
}

func (a *args) peek() token { return a.tokens[0] }

func (a *args) next() token {
	t := a.tokens[0]
	if t.kind != tokenEnd {
		a.tokens, a.expected = a.tokens[1:], nil
	}
	return t
}

// try consumes the word when it is there.
func (a *args) try(word string) bool {
	if a.peek().is(word) {
		a.next()
		return true
	}
	a.expected = append(a.expected, word)
	return false
}

// number consumes a number, which what describes.
func (a *args) number(what string) (token, error) {
	if a.peek().kind == tokenNumber {
		return a.next(), nil
	}
	a.expected = append(a.expected, what)
	return token{}, a.fail()
}

// name consumes a word or a quoted name, when there is one.
func (a *args) name() (token, bool) {
	k := a.peek().kind
	if k != tokenWord && (k != tokenQuoted || !strings.HasPrefix(a.peek().text, `"`)) {
		return token{}, false
	}
	return a.next(), true
}

// end makes sure that nothing is left.
func (a *args) end() error {
	if a.peek().kind == tokenEnd {
		return nil
	}
	a.expected = append(a.expected, "end of command")
	return a.fail()
}

// rest consumes everything that is left.
func (a *args) rest() []token {
	rest := a.tokens[:len(a.tokens)-1]
	a.tokens = a.tokens[len(a.tokens)-1:]
	return rest
}

// fail is the syntax error at the current token.
func (a *args) fail() error {
	t := a.peek()
	where := "at end of input"
	if t.text != "" {
		where = `at or near "` + t.text + `"`
	}
	e := newError(codeSyntax, "syntax error %s: expected %s", where, either(a.expected, "or"))
	e.position = t.position
	if word := livesql.Nearest(t.text, a.expected); word != "" {
		e.hint = "did you mean " + word + "?"
	}
	return e
}

// either lists alternatives: "A", "A or B", "A, B or C".
func either(words []string, conjunction string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}
