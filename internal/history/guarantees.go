package history

import "fmt"

// Guarantee is one that a session has, or all have together.
type Guarantee int

const (
	ReadYourWrites     Guarantee = iota // a client reads what it has written, or newer
	MonotonicReads                      // a client never reads older than what it has read
	MonotonicWrites                     // who sees a client's write sees those before it
	WritesFollowReads                   // who sees a client's write sees what that one had read before it
	numberOfGuarantees = iota

	Freshness = Guarantee(numberOfGuarantees) // nobody reads older than what has been acknowledged to anybody: see Stale
)

func (g Guarantee) String() string {
	return [...]string{"read your writes", "monotonic reads", "monotonic writes", "writes follow reads", "freshness"}[g]
}

// Violation is a read that is older than a guarantee allows.
type Violation struct {
	Guarantee Guarantee
	Op        Op
	Least     int64 // the oldest version allowed
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s: want at least version %d", v.Guarantee, v.Op, v.Least)
}

// versions is the least version that must be seen, by key.
type versions []int64

func (v versions) raise(key int, version int64) { v[key] = max(v[key], version) }

func (v versions) merge(w versions) {
	for key, version := range w {
		v.raise(key, version)
	}
}

// context is what a client must not read behind, for each guarantee's sake.
type context [numberOfGuarantees]versions

// at is a version of a key.
type at struct {
	key     int
	version int64
}

// judge holds what is known while a history is gone through.
type judge struct {
	keys    int
	clients map[int]*context
	behind  map[at]context // of a write: what its client had written, and what it had read or heard of
	found   []Violation
}

// Guarantees returns every read that violates a session guarantee, in order. A
// read that violates several is told of by the first.
func Guarantees(ops []Op) []Violation {
	j := &judge{clients: map[int]*context{}, behind: map[at]context{}}
	for _, o := range ops {
		j.keys = max(j.keys, o.Key+1)
	}
	for _, o := range inOrder(ops) {
		if o.Kind == Write {
			j.write(o)
		} else {
			j.read(o)
		}
	}
	return j.found
}

func (j *judge) client(id int) *context {
	c := j.clients[id]
	if c == nil {
		c = &context{}
		for g := range c {
			c[g] = make(versions, j.keys)
		}
		j.clients[id] = c
	}
	return c
}

// write notes what lies behind a write: the client's own writes for
// MonotonicWrites, all else that it knows of for WritesFollowReads.
func (j *judge) write(o Op) {
	c := j.client(o.Client)
	var b context
	b[MonotonicWrites] = append(versions(nil), c[ReadYourWrites]...)
	b[WritesFollowReads] = append(versions(nil), c[MonotonicReads]...)
	b[WritesFollowReads].merge(c[MonotonicWrites])
	b[WritesFollowReads].merge(c[WritesFollowReads])
	j.behind[at{o.Key, o.Version}] = b
	c[ReadYourWrites].raise(o.Key, o.Version)
}

// read compares, and learns.
func (j *judge) read(o Op) {
	c := j.client(o.Client)
	for g := range c {
		if least := c[g][o.Key]; o.Version < least {
			j.found = append(j.found, Violation{Guarantee(g), o, least})
			break
		}
	}
	c[MonotonicReads].raise(o.Key, o.Version)
	for g, v := range j.behind[at{o.Key, o.Version}] {
		c[g].merge(v)
	}
}
