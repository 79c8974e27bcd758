package cluster

import (
	"slices"
	"strconv"
	"strings"
)

// Credentials are what pgherd logs in to nodes with for its own work. Password
// is in clear: never log a Credentials.
type Credentials struct {
	User, Password, Database string
}

// String hides the password.
func (c Credentials) String() string { return c.User + "@" + c.Database }

// GoString hides the password.
func (c Credentials) GoString() string { return c.String() }

// Conninfo is a list of libpq connection parameters, distinct by keyword. It
// may hold a password: never log one.
type Conninfo []Parameter

// Parameter is one keyword of a Conninfo and its value, unquoted.
type Parameter struct{ Key, Value string }

// With appends one keyword. An empty value is left out.
func (c Conninfo) With(key, value string) Conninfo {
	if value == "" {
		return c
	}
	return append(c[:len(c):len(c)], Parameter{key, value})
}

// Set is With in place of what there is of key; an empty value removes it.
func (c Conninfo) Set(key, value string) Conninfo {
	return c.Without(key).With(key, value)
}

// Default is With unless there is a value of key already.
func (c Conninfo) Default(key, value string) Conninfo {
	if c.Get(key) != "" {
		return c
	}
	return c.Set(key, value)
}

// Without leaves keywords out.
func (c Conninfo) Without(keys ...string) Conninfo {
	return slices.DeleteFunc(slices.Clone(c), func(p Parameter) bool { return slices.Contains(keys, p.Key) })
}

// Get is the value of key, "" when there is none.
func (c Conninfo) Get(key string) string {
	for _, p := range c {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

var conninfoEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// String is the keyword/value form, quoted by libpq's rules.
func (c Conninfo) String() string {
	words := make([]string, len(c))
	for i, p := range c {
		words[i] = p.Key + "='" + conninfoEscapes.Replace(p.Value) + "'"
	}
	return strings.Join(words, " ")
}

// Conninfo says how to reach n with these credentials.
func (n Node) Conninfo(c Credentials) Conninfo {
	return n.Reached(Conninfo{}).With("user", c.User).With("password", c.Password)
}

// Reached is c with the host and port of n. What else would lead somewhere, or
// refuse a primary, is left out: hostaddr and target_session_attrs.
func (n Node) Reached(c Conninfo) Conninfo {
	rest := c.Without("host", "port", "hostaddr", "target_session_attrs")
	return append(Conninfo{}.With("host", n.Host).With("port", strconv.Itoa(n.Port)), rest...)
}

// PrimaryConninfo is the primary_conninfo with which standby follows n.
func (n Node) PrimaryConninfo(standby Node, c Credentials) string {
	return n.followedBy(standby, n.Conninfo(c))
}

// FollowConninfo is old, a primary_conninfo of standby, changed to follow n.
// What else old says stays: sslmode and the like, and the account, also when it
// names none or has its password elsewhere. An empty old has nothing to keep:
// c is used. The error is of an old that libpq would not read either.
func (n Node) FollowConninfo(old string, standby Node, c Credentials) (string, error) {
	keep, err := ParseConninfo(old)
	if err != nil {
		return "", err
	}
	if len(keep) == 0 {
		return n.PrimaryConninfo(standby, c), nil
	}
	return n.followedBy(standby, n.Reached(keep)), nil
}

func (n Node) followedBy(standby Node, c Conninfo) string {
	return c.Set("application_name", standby.Name).
		Default("connect_timeout", "5").Default("gssencmode", "disable").String()
}

// SlotName is the physical replication slot kept for n: lower case letters,
// digits and underscores, at most 63 bytes, distinct for distinct nodes.
func (n Node) SlotName() string { return "pgherd_" + strconv.Itoa(int(n.ID)) }
