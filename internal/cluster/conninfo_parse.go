package cluster

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ErrConninfo is a connection string that libpq would not read. Its errors
// never show the string, which may hold a password.
var ErrConninfo = errors.New("malformed connection string")

// ParseConninfo reads a libpq connection string, in keyword/value form or as a
// postgresql:// URI (PostgreSQL: "Connection Strings"). The last of several
// values of a keyword counts; keywords without a value are left out.
func ParseConninfo(s string) (Conninfo, error) {
	for _, scheme := range []string{"postgresql://", "postgres://"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok {
			return parseURI(rest)
		}
	}
	var c Conninfo
	rest := skipSpace(s)
	for rest != "" {
		key, value, tail, err := cutParameter(rest)
		if err != nil {
			return nil, err
		}
		c, rest = c.Set(key, value), skipSpace(tail)
	}
	return c, nil
}

// conninfoSpace is what isspace() takes for space.
const conninfoSpace = " \t\n\v\f\r"

func skipSpace(s string) string { return strings.TrimLeft(s, conninfoSpace) }

// cutParameter reads one keyword = value from the beginning of s.
func cutParameter(s string) (key, value, rest string, err error) {
	end := strings.IndexAny(s, "="+conninfoSpace)
	if end < 0 {
		end = len(s)
	}
	key, rest = s[:end], skipSpace(s[end:])
	if !isKeyword(key) {
		return "", "", "", fmt.Errorf("%w: a keyword was expected", ErrConninfo)
	}
	rest, ok := strings.CutPrefix(rest, "=")
	if !ok {
		return "", "", "", fmt.Errorf("%w: missing \"=\" after a keyword", ErrConninfo)
	}
	value, rest, err = cutValue(skipSpace(rest))
	return key, value, rest, err
}

// isKeyword: libpq's keywords are of small letters and underscores.
func isKeyword(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// cutValue reads a value: to the next space, or in quotes. A backslash escapes
// in both.
func cutValue(s string) (value, rest string, err error) {
	s, quoted := strings.CutPrefix(s, "'")
	stop := conninfoSpace
	if quoted {
		stop = "'"
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.IndexByte(stop, s[i]) >= 0:
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] != '\\':
			b.WriteByte(s[i])
		}
	}
	if quoted {
		return "", "", fmt.Errorf("%w: unterminated quoted value", ErrConninfo)
	}
	return b.String(), "", nil
}

// parseURI reads [user[:password]@][host[:port],...][/database][?key=value&...].
func parseURI(s string) (Conninfo, error) {
	s, query, _ := strings.Cut(s, "?")
	place, database, _ := strings.Cut(s, "/")
	account, hosts := "", place
	if at := strings.LastIndexByte(place, '@'); at >= 0 {
		account, hosts = place[:at], place[at+1:]
	}
	user, password, _ := strings.Cut(account, ":")
	host, port := splitHosts(hosts)
	d := unescaper{}
	c := d.set(d.set(nil, "host", host), "port", port)
	c = d.set(d.set(d.set(c, "user", user), "password", password), "dbname", database)
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !isKeyword(key) {
			return nil, fmt.Errorf("%w: a URI's parameter must be key=value", ErrConninfo)
		}
		c = d.set(c, key, value)
	}
	if d.failed {
		return nil, fmt.Errorf("%w: bad percent-encoding in a URI", ErrConninfo)
	}
	return c, nil
}

// splitHosts makes libpq's two lists of "host:port,[::1]:port".
func splitHosts(s string) (hosts, ports string) {
	var h, p []string
	for _, one := range strings.Split(s, ",") {
		host, port := one, ""
		if colon := strings.LastIndexByte(one, ':'); colon > strings.LastIndexByte(one, ']') {
			host, port = one[:colon], one[colon+1:]
		}
		h, p = append(h, strings.Trim(host, "[]")), append(p, port)
	}
	hosts, ports = strings.Join(h, ","), strings.Join(p, ",")
	return strings.Trim(hosts, ","), strings.Trim(ports, ",")
}

// unescaper undoes percent-encoding and remembers a failure.
type unescaper struct{ failed bool }

func (d *unescaper) text(s string) string {
	t, err := url.PathUnescape(s)
	if err != nil || strings.ContainsRune(t, 0) {
		d.failed = true
	}
	return t
}

func (d *unescaper) set(c Conninfo, key, value string) Conninfo {
	return c.Set(key, d.text(value))
}
