package hba

import (
	"net/netip"
	"strconv"
)

// Facts are what is known of a client before it has proved who it is.
type Facts struct {
	Transport   Transport
	Addr        netip.Addr // of a client over TCP
	User        string
	Database    string
	Replication bool // physical replication: there is no database
}

// Transport is how a client is connected.
type Transport int

const (
	UnixSocket Transport = iota
	Plain                // TCP in clear
	TLS
)

// Rules are the lines of a file, in order.
type Rules struct{ list []Rule }

// Match gives the first line that applies, nil when there is none. It depends
// on nothing else.
func (r *Rules) Match(f Facts) *Rule {
	for i := range r.list {
		if r.list[i].applies(f) {
			return &r.list[i]
		}
	}
	return nil
}

// Len is how many lines there are.
func (r *Rules) Len() int { return len(r.list) }

// Rule is one line.
type Rule struct {
	File       string
	Line       int // from 1
	Method     Method
	Map        string // for Peer and Cert; "" asks for equal names
	ClientCert ClientCert
	ClientName ClientName

	transports []Transport
	databases  []matcher
	users      []matcher
	addresses  matcher
}

// Where is file:line, "" for a Rule that stands in no file.
func (r *Rule) Where() string {
	if r.File == "" {
		return ""
	}
	return r.File + ":" + strconv.Itoa(r.Line)
}

// matcher is one condition of a line.
type matcher func(Facts) bool

func (r *Rule) applies(f Facts) bool {
	for _, t := range r.transports {
		if t == f.Transport {
			return r.addresses(f) && anyOf(r.databases, f) && anyOf(r.users, f)
		}
	}
	return false
}

func anyOf(list []matcher, f Facts) bool {
	for _, m := range list {
		if m(f) {
			return true
		}
	}
	return false
}
