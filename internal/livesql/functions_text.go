package livesql

import (
	"crypto/md5"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMade is how much text one call may make.
const maxMade = 1 << 20

var errTooLong = coded(fail(codeTooLarge, -1, "requested length too large"))

func textFunctions() map[string]scalar {
	return map[string]scalar{
		"pg_lower": onText(strings.ToLower), "pg_upper": onText(strings.ToUpper), "pg_quote_ident": onText(quoteIdent),
		"pg_initcap": onText(initcap), "pg_reverse": onText(reverse), "pg_md5": onText(md5Hex), "pg_quote_literal": onText(quoteText),
		"pg_quote_nullable": func(a []driver.Value) (driver.Value, error) { return literalOf(a[0]), nil },
		"pg_left":           strict(left), "pg_right": strict(right), "pg_split_part": strict(splitPart),
		"pg_lpad": strict(func(a []driver.Value) (driver.Value, error) { return pad(a, true) }),
		"pg_rpad": strict(func(a []driver.Value) (driver.Value, error) { return pad(a, false) }),
		"pg_starts_with": strict(func(a []driver.Value) (driver.Value, error) {
			return normal(strings.HasPrefix(fmt.Sprint(a[0]), fmt.Sprint(a[1]))), nil
		}),
		"pg_repeat": strict(repeat), "pg_translate": strict(translate),
		"pg_octets":     strict(func(a []driver.Value) (driver.Value, error) { return int64(len(fmt.Sprint(a[0]))), nil }),
		"pg_replace_re": strict(replacePattern), "pg_substring_re": strict(substringPattern),
		"pg_format": format, "pg_similar": onText(similarPattern), "pg_overlay": strict(overlay),
		"pg_substr":     strict(substring),
		"pg_size_bytes": strict(sizeBytes),
		"pg_count_re": strict(func(a []driver.Value) (driver.Value, error) {
			re, err := compileWith(a, 2)
			if err != nil {
				return nil, err
			}
			return int64(len(re.FindAllStringIndex(fmt.Sprint(a[0]), -1))), nil
		}),
	}
}

// quoteIdent is quote_ident: names that need no quotes get none.
func quoteIdent(name string) string {
	plain := name != "" && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z')
	for _, r := range name {
		plain = plain && (r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	}
	if plain {
		return name
	}
	return quoteName(name)
}

func literalOf(v driver.Value) string {
	if v == nil {
		return "NULL"
	}
	return quoteText(fmt.Sprint(v))
}

func initcap(text string) string {
	inside := false
	return strings.Map(func(r rune) rune {
		word := unicode.IsLetter(r) || unicode.IsDigit(r)
		defer func() { inside = word }()
		if inside {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, text)
}

func reverse(text string) string {
	runes := []rune(text)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func left(a []driver.Value) (driver.Value, error) {
	runes, n := []rune(fmt.Sprint(a[0])), int(asInt(a[1]))
	if n < 0 {
		n = max(0, len(runes)+n)
	}
	return string(runes[:min(n, len(runes))]), nil
}

func right(a []driver.Value) (driver.Value, error) {
	runes, n := []rune(fmt.Sprint(a[0])), int(asInt(a[1]))
	if n < 0 {
		n = max(0, len(runes)+n)
	}
	return string(runes[len(runes)-min(n, len(runes)):]), nil
}

// substring is substr(text, from [, length]): also what lies in front of the text is
// counted.
func substring(a []driver.Value) (driver.Value, error) {
	text := []rune(fmt.Sprint(a[0]))
	from, end := asInt(a[1]), int64(len(text))+1
	if len(a) > 2 {
		if asInt(a[2]) < 0 {
			return nil, coded(fail(codeSubstring, -1, "negative substring length not allowed"))
		}
		end = min(end, from+asInt(a[2]))
	}
	if from = max(from, 1); from >= end {
		return "", nil
	}
	return string(text[from-1 : end-1]), nil
}

// pad is lpad or rpad, by blanks unless told otherwise. What is longer is cut.
func pad(a []driver.Value, before bool) (driver.Value, error) {
	text, filler := []rune(fmt.Sprint(a[0])), []rune(" ")
	n := int(max(0, asInt(a[1])))
	if len(a) > 2 {
		filler = []rune(fmt.Sprint(a[2]))
	}
	switch {
	case n > maxMade:
		return nil, errTooLong
	case n <= len(text) || len(filler) == 0:
		return string(text[:min(n, len(text))]), nil
	}
	var padding []rune
	for i := range n - len(text) {
		padding = append(padding, filler[i%len(filler)])
	}
	if before {
		return string(padding) + string(text), nil
	}
	return string(text) + string(padding), nil
}

func repeat(a []driver.Value) (driver.Value, error) {
	text, n := fmt.Sprint(a[0]), max(0, asInt(a[1]))
	if text != "" && n > int64(maxMade/len(text)) {
		return nil, errTooLong
	}
	return strings.Repeat(text, int(n)), nil
}

func translate(a []driver.Value) (driver.Value, error) {
	from, to := []rune(fmt.Sprint(a[1])), []rune(fmt.Sprint(a[2]))
	return strings.Map(func(r rune) rune {
		for i, x := range from {
			if x == r && i < len(to) {
				return to[i]
			}
			if x == r {
				return -1
			}
		}
		return r
	}, fmt.Sprint(a[0])), nil
}

func splitPart(a []driver.Value) (driver.Value, error) {
	parts, n := strings.Split(fmt.Sprint(a[0]), fmt.Sprint(a[1])), int(asInt(a[2]))
	if n < 0 {
		n = len(parts) + n + 1
	}
	if n < 1 || n > len(parts) {
		return "", nil
	}
	return parts[n-1], nil
}

func compile(pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, coded(fail(codeInvalidRegexp, -1, "invalid regular expression: %s", err))
	}
	return re, nil
}

// compileWith compiles the second argument; the flags are another one, if it is there.
func compileWith(a []driver.Value, flags int) (*regexp.Regexp, error) {
	pattern := "(?s)" + fmt.Sprint(a[1]) // a point stands for a new line, too
	if len(a) > flags && strings.Contains(fmt.Sprint(a[flags]), "i") {
		pattern = "(?i)" + pattern
	}
	return compile(pattern)
}

// replacePattern is regexp_replace, of the first match unless the flags have a g. In
// the replacement \1 is a group and \& the match.
func replacePattern(a []driver.Value) (driver.Value, error) {
	text := fmt.Sprint(a[0])
	re, err := compileWith(a, 3)
	if err != nil {
		return nil, err
	}
	with := groupReferences().Replace(fmt.Sprint(a[2]))
	n := 1
	if len(a) > 3 && strings.Contains(fmt.Sprint(a[3]), "g") {
		n = -1
	}
	var b []byte
	last := 0
	for _, at := range re.FindAllStringSubmatchIndex(text, n) {
		b = append(b, text[last:at[0]]...)
		b = re.ExpandString(b, with, text, at)
		last = at[1]
		if len(b) > maxValue {
			return nil, errTooLong
		}
	}
	return string(append(b, text[last:]...)), nil
}

// sizeBytes is pg_size_bytes.
func sizeBytes(a []driver.Value) (driver.Value, error) {
	text := strings.TrimSpace(fmt.Sprint(a[0]))
	unit := strings.TrimLeft(text, "+-.0123456789")
	n, err := strconv.ParseFloat(text[:len(text)-len(unit)], 64)
	factor, known := map[string]float64{"": 1, "bytes": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40,
		"pb": 1 << 50}[strings.ToLower(strings.TrimSpace(unit))]
	if err != nil || !known {
		return nil, coded(fail(codeInvalidParameter, -1, "invalid size: %q", text))
	}
	return int64(math.Round(n * factor)), nil
}

// similarPattern is a pattern of SIMILAR TO as a regular expression.
func similarPattern(pattern string) string {
	var b strings.Builder
	b.WriteString("(?s)^(?:")
	bracket, escaped := false, false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case bracket || r != '%' && r != '_' && !strings.ContainsRune(".^$", r):
			b.WriteRune(r)
			bracket = r == '[' || bracket && r != ']'
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString("\\" + string(r))
		}
	}
	return b.String() + ")$"
}

// overlay is overlay(text placing new from position for length).
func overlay(a []driver.Value) (driver.Value, error) {
	text, with, from := []rune(fmt.Sprint(a[0])), fmt.Sprint(a[1]), asInt(a[2])
	length := int64(utf8.RuneCountInString(with))
	if len(a) > 3 {
		length = asInt(a[3])
	}
	if from < 1 || length < 0 {
		return nil, coded(fail(codeSubstring, -1, "negative substring length not allowed"))
	}
	from = min(from-1, int64(len(text)))
	return string(text[:from]) + with + string(text[min(from+length, int64(len(text))):]), nil
}

// groupReferences puts PostgreSQL's into Go's spelling.
func groupReferences() *strings.Replacer {
	pairs := []string{"$", "$$", `\\`, `\`, `\&`, "${0}"}
	for n := range 10 {
		pairs = append(pairs, fmt.Sprintf(`\%d`, n), fmt.Sprintf("${%d}", n))
	}
	return strings.NewReplacer(pairs...)
}

// substringPattern is substring(text from pattern): the first group, or the match.
func substringPattern(a []driver.Value) (driver.Value, error) {
	re, err := compileWith(a, len(a))
	if err != nil {
		return nil, err
	}
	found := re.FindStringSubmatch(fmt.Sprint(a[0]))
	switch {
	case found == nil:
		return nil, nil
	case len(found) > 1:
		return found[1], nil
	}
	return found[0], nil
}

// format is format(): %s, %I, %L and %%, with positions as in %2$s. Its arguments are
// text already.
func format(a []driver.Value) (driver.Value, error) {
	if a[0] == nil {
		return nil, nil
	}
	var b strings.Builder
	next := 1
	rest := fmt.Sprint(a[0])
	for {
		before, after, found := strings.Cut(rest, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		n := strings.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' })
		if n > 0 && after[n] == '$' {
			next = int(asInt(after[:n]))
			after = after[n+1:]
		}
		kind, size := utf8.DecodeRuneInString(after)
		rest = after[size:]
		if kind == '%' {
			b.WriteByte('%')
			continue
		}
		if next < 1 || next >= len(a) {
			return nil, coded(fail(codeInvalidParameter, -1, "too few arguments for format()"))
		}
		text, err := formatted(kind, a[next])
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
		next++
	}
}

func formatted(kind rune, v driver.Value) (string, error) {
	switch {
	case kind == 'L':
		return literalOf(v), nil
	case kind == 'I' && v != nil:
		return quoteIdent(fmt.Sprint(v)), nil
	case kind == 's' && v == nil:
		return "", nil
	case kind == 's':
		return fmt.Sprint(v), nil
	case kind == 'I':
		return "", coded(fail(codeInvalidParameter, -1, "null values cannot be formatted as an SQL identifier"))
	}
	return "", coded(fail(codeInvalidParameter, -1, "unrecognized format() type specifier %q", kind))
}

// arrayItem is an element of an array in text format.
func arrayItem(v driver.Value) string {
	if v == nil {
		return "NULL"
	}
	text := fmt.Sprint(v)
	if text == "" || strings.EqualFold(text, "null") || strings.ContainsAny(text, "{}\",\\ \t\n\r\v\f") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	}
	return text
}
