package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// LoadUsers reads a users file in the format of PgBouncer's auth_file: a line
// holds "user" "secret", with "" for a quote inside; what follows on the line
// is ignored, as are empty lines and those that begin with ;. A secret is a
// password, md5 and 32 hexadecimal digits, or a SCRAM-SHA-256$ verifier, and
// is given as it stands. Mistakes come joined, each an *Error.
func LoadUsers(path string) (map[string]Secret, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the users file: %w", err)
	}
	return parseUsers(path, string(data))
}

func parseUsers(file, data string) (map[string]Secret, error) {
	r := &report{file: file, lines: make(map[string]int)}
	users := make(map[string]Secret)
	number := 0
	for line := range strings.Lines(data) {
		number++
		line = strings.TrimSpace(line)
		if line != "" && line[0] != ';' {
			r.user(users, line, number)
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return users, nil
}

// user adds the user on a line. Messages never show the line: where a quote is
// missing, a secret may be anywhere in it.
func (r *report) user(users map[string]Secret, line string, number int) {
	name, secret, err := splitUser(line)
	if err != nil {
		r.failAt(number, "", "%v", err)
		return
	}
	if first, ok := r.lines[name]; ok {
		r.failAt(number, "", "user %q is also on line %d", name, first)
		return
	}
	r.lines[name] = number
	users[name] = NewSecret(secret)
}

func splitUser(line string) (name, secret string, err error) {
	name, rest, err := quoted(line)
	if err != nil {
		return "", "", fmt.Errorf("user name: %w", err)
	}
	if name == "" {
		return "", "", errors.New("the user name is empty")
	}
	secret, _, err = quoted(strings.TrimLeft(rest, " \t"))
	if err != nil {
		return "", "", fmt.Errorf("secret: %w", err)
	}
	return name, secret, nil
}

// quoted cuts a "..." from the front of text; "" inside stands for a quote.
func quoted(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", errors.New(`no quote where it should begin; want "user" "secret"`)
	}
	var b strings.Builder
	for rest = text[1:]; ; rest = rest[1:] {
		before, after, ok := strings.Cut(rest, `"`)
		if !ok {
			return "", "", errors.New(`the closing quote is missing; want "user" "secret"`)
		}
		b.WriteString(before)
		rest = after
		if !strings.HasPrefix(rest, `"`) {
			break
		}
		b.WriteByte('"')
	}
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", "", errors.New(`no space after the closing quote; write a quote inside as ""`)
	}
	return b.String(), rest, nil
}
