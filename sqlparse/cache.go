package sqlparse

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const shardCount = 16

// Parser answers Parse from a bounded cache. It is safe for many goroutines.
type Parser struct {
	seeds    [2]maphash.Seed
	shards   [shardCount]shard
	scanners sync.Pool // *scanner, for their buffers
	bypassed atomic.Uint64
}

// Stats counts what the cache did since New.
type Stats struct {
	Hits     uint64
	Misses   uint64 // shapes that had to be parsed
	Bypassed uint64 // texts that can't be cached
	Entries  int
}

// New returns a parser that remembers about entries shapes, those in use longest.
func New(entries int) *Parser {
	p := &Parser{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	p.scanners.New = func() any { return &scanner{out: make([]byte, 0, 1024)} }
	for i := range p.shards {
		p.shards[i].room = max(1, entries/shardCount/2)
		p.shards[i].young = make(map[key]*Facts)
	}
	return p
}

// Parse returns the facts of sql, which it doesn't keep. It never returns nil: what
// PostgreSQL's grammar refuses is Unknown and Writes. A hit allocates nothing.
func (p *Parser) Parse(sql []byte) *Facts {
	if len(sql) > MaxText {
		return p.refuse(hintOf(sql))
	}
	s := p.scanners.Get().(*scanner)
	defer p.scanners.Put(s)
	s.scan(sql)
	defer s.forget()
	switch {
	case s.tooDeep():
		return p.refuse(s.hint)
	case s.sure != exact:
		p.bypassed.Add(1)
		return classified(sql, s.hint)
	}
	return p.lookup(s, sql)
}

func (p *Parser) refuse(h Hint) *Facts {
	p.bypassed.Add(1)
	f := unknown()
	f.Hint = h
	return f
}

func classified(sql []byte, h Hint) *Facts {
	f := classify(string(sql))
	f.Hint = h
	return f
}

// lookup parses outside the lock: two goroutines may parse one shape, the first one's
// facts stay.
func (p *Parser) lookup(scanned *scanner, sql []byte) *Facts {
	shape := scanned.out
	k := key{maphash.Bytes(p.seeds[0], shape), maphash.Bytes(p.seeds[1], shape)}
	s := &p.shards[k.a%shardCount]
	if f := s.get(k); f != nil {
		return f
	}
	return s.put(k, classified(sql, scanned.hint))
}

// Stats returns the counters, each shard's at its own moment.
func (p *Parser) Stats() Stats {
	total := Stats{Bypassed: p.bypassed.Load()}
	for i := range p.shards {
		p.shards[i].addTo(&total)
	}
	return total
}

// key is the shape's hash, twice with random seeds: nobody outside can aim for a collision.
type key struct{ a, b uint64 }

// shard holds two generations. A shape that is used moves to the young one; when
// that is full it becomes the old one, and what was not used since goes.
type shard struct {
	mu           sync.Mutex // guards all below
	young, old   map[key]*Facts
	room         int // shapes in a generation
	hits, misses uint64
	_            [64]byte // keeps neighbours' locks apart
}

func (s *shard) get(k key) *Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.young[k]
	if f == nil {
		if f = s.old[k]; f != nil {
			delete(s.old, k)
			s.keep(k, f)
		}
	}
	if f == nil {
		s.misses++
	} else {
		s.hits++
	}
	return f
}

func (s *shard) put(k key, f *Facts) *Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.young[k]; first != nil {
		return first
	}
	s.keep(k, f)
	return f
}

func (s *shard) keep(k key, f *Facts) {
	if len(s.young) >= s.room {
		s.old, s.young = s.young, make(map[key]*Facts, s.room)
	}
	s.young[k] = f
}

func (s *shard) addTo(total *Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total.Hits += s.hits
	total.Misses += s.misses
	total.Entries += len(s.young) + len(s.old)
}
