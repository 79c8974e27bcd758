package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// tree parses the one YAML document in data; an empty file is an empty
// mapping. ok is false when the syntax is wrong, which is then in the report.
func (r *report) tree(data []byte) (root *yaml.Node, ok bool) {
	if at := firstBadRune(data); at >= 0 {
		r.failAt(lineAt(data, at), "", "not UTF-8 text, or a control character in it")
		return nil, false
	}
	if line := otherFormat(data); line > 0 {
		r.failAt(line, "", "not YAML, but of the form of pgbouncer.ini or pgpool.conf; docs/migrating.md tells the key for each of their parameters")
		return nil, false
	}
	var document, second yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(data))
	err := in.Decode(&document)
	if errors.Is(err, io.EOF) {
		return &yaml.Node{Kind: yaml.MappingNode}, true
	}
	if err == nil {
		err = in.Decode(&second)
	}
	switch {
	case errors.Is(err, io.EOF):
		return document.Content[0], true
	case err != nil:
		r.syntax(data, strings.TrimPrefix(err.Error(), "yaml: "))
	default:
		r.failAt(second.Line, "", "a second document begins here; one file holds one configuration")
	}
	return nil, false
}

// syntax records an error of the YAML parser.
func (r *report) syntax(data []byte, msg string) {
	// An unquoted password that begins with * looks like an alias: its name
	// must not be shown.
	if m := regexp.MustCompile(`^unknown anchor '(.*)' referenced`).FindStringSubmatch(msg); m != nil {
		line := lineAt(data, bytes.Index(data, []byte("*"+m[1])))
		r.failAt(line, "", "not valid YAML: aliases are not supported; quote a value that begins with *")
		return
	}
	line := 1 // the parser leaves out the number of the first line
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = msg[len(m[0]):]
		if countsFromZero(msg) {
			line++
		}
	}
	last := lineAt(data, len(bytes.TrimRight(data, "\r\n")))
	line = min(line, last)
	if tabbed(data, line) {
		msg = "indent with spaces; YAML does not allow tabs there"
	}
	r.failAt(line, "", "not valid YAML: %s", msg)
}

// countsFromZero tells yaml.v3's grammar errors, whose line numbers begin at
// 0, from its scanner's, whose begin at 1.
func countsFromZero(msg string) bool {
	return regexp.MustCompile(`^did not find expected (key|node content|<|'-'|',')`).MatchString(msg)
}

// firstBadRune is the offset of the first byte that YAML text cannot have, or
// -1. Checked here because the parser does not say where it is.
func firstBadRune(data []byte) int {
	for at := 0; at < len(data); {
		c, size := utf8.DecodeRune(data[at:])
		if c == utf8.RuneError && size == 1 || unicode.IsControl(c) && !strings.ContainsRune("\t\r\n", c) {
			return at
		}
		at += size
	}
	return -1
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:max(offset, 0)], []byte("\n"))
}
