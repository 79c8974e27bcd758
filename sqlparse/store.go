package sqlparse

import (
	"math/bits"
	"reflect"
	"sync"
	"sync/atomic"
)

const (
	ways = 8 // a shape may stand in one of so many places, whose tags fill a cache line

	// A shape in use is left alone by maxMerit times agingPeriod newcomers to its
	// bucket. With 20,000 places, these are 120,000 new shapes, or seconds of parsing.
	maxMerit    = 3
	agingPeriod = 16

	// Bytes of facts in a bucket, and of one shape: so that neither long texts nor
	// many can fill the memory.
	bucketRoom = 16 << 10
	maxWeight  = bucketRoom / 4
)

// store is the bounded map from shapes to facts. A look-up that finds something takes no lock.
//
// Hits raise the merit of a shape, newcomers take the place of the one of least merit,
// and now and then the merit of all sinks. So shapes that come once drive out each
// other, not those in use; and those that were in use once go in the end.
type store struct {
	mu      sync.Mutex // held to change buckets
	buckets []bucket
	misses  atomic.Uint64
}

type bucket struct {
	tags    [ways]atomic.Uint64 // key.a of the entries
	entries [ways]atomic.Pointer[entry]
	hits    atomic.Uint64

	evictions uint64
	_         [ways*8 - 16]byte // whole cache lines
}

type entry struct {
	key    key
	facts  *Facts
	weight int // bytes
	merit  atomic.Uint32
}

// newStore has room for about capacity shapes.
func newStore(capacity int) *store {
	return &store{buckets: make([]bucket, max(1, capacity/ways))}
}

func (s *store) bucket(k key) *bucket {
	i, _ := bits.Mul64(k.b, uint64(len(s.buckets)))
	return &s.buckets[i]
}

// get is nil for a shape that isn't there.
func (s *store) get(k key) *Facts {
	b := s.bucket(k)
	if e := b.find(k); e != nil {
		b.hits.Add(1)
		e.praise()
		return e.facts
	}
	s.misses.Add(1)
	return nil
}

// put keeps f, unless it is too large or another came first, and returns what is to be used.
func (s *store) put(k key, f *Facts) *Facts {
	e := &entry{key: k, facts: f}
	e.weight = int(reflect.TypeFor[entry]().Size()) + weigh(reflect.ValueOf(f))
	if e.weight > maxWeight {
		return f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(k)
	if first := b.find(k); first != nil {
		return first.facts
	}
	b.admit(e)
	return f
}

func (b *bucket) find(k key) *entry {
	for i := range b.tags {
		if b.tags[i].Load() != k.a {
			continue
		}
		if e := b.entries[i].Load(); e != nil && e.key == k {
			return e
		}
	}
	return nil
}

// praise may lose a count to another goroutine's.
func (e *entry) praise() {
	if m := e.merit.Load(); m < maxMerit {
		e.merit.Store(m + 1)
	}
}

func (b *bucket) admit(e *entry) {
	free := b.free()
	for free < 0 || b.weight()+e.weight > bucketRoom {
		b.evict()
		free = b.free()
	}
	b.tags[free].Store(e.key.a)
	b.entries[free].Store(e)
}

// free is a place without an entry, or -1.
func (b *bucket) free() int {
	for i := range b.entries {
		if b.entries[i].Load() == nil {
			return i
		}
	}
	return -1
}

func (b *bucket) weight() (sum int) {
	for i := range b.entries {
		if e := b.entries[i].Load(); e != nil {
			sum += e.weight
		}
	}
	return sum
}

// evict drops an entry of least merit. Now and then all the others' merit sinks.
func (b *bucket) evict() {
	b.evictions++
	worst, least := 0, uint32(maxMerit+1)
	for i := range ways {
		at := (i + int(b.evictions)) % ways // equals take turns
		if e := b.entries[at].Load(); e != nil && e.merit.Load() < least {
			worst, least = at, e.merit.Load()
		}
	}
	b.entries[worst].Store(nil)
	if b.evictions%agingPeriod == 0 {
		b.age()
	}
}

func (b *bucket) age() {
	for i := range b.entries {
		if e := b.entries[i].Load(); e != nil && e.merit.Load() > 0 {
			e.merit.Store(e.merit.Load() - 1)
		}
	}
}

func (s *store) addTo(total *Stats) {
	total.Misses = s.misses.Load()
	for i := range s.buckets {
		b := &s.buckets[i]
		total.Hits += b.hits.Load()
		total.Bytes += b.weight()
		for j := range b.entries {
			if b.entries[j].Load() != nil {
				total.Entries++
			}
		}
	}
}

// weigh is how many bytes hang on v, itself left out, whatever fields facts will have.
func weigh(v reflect.Value) (sum int) {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Pointer:
		if !v.IsNil() {
			sum = int(v.Type().Elem().Size()) + weigh(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			sum += int(v.Type().Elem().Size()) + weigh(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sum += weigh(v.Field(i))
		}
	}
	return sum
}
