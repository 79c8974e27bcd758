package sqlparse

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Parser answers Parse from a bounded cache. It is safe for many goroutines.
type Parser struct {
	seeds    [2]maphash.Seed
	texts    *texts
	store    *store
	readers  sync.Pool // *reader
	bypassed atomic.Uint64
	parsed   atomic.Uint64 // texts given to PostgreSQL's grammar
}

// reader is what one Parse needs at a time.
type reader struct {
	scanner // for its buffer
	gate    gate
}

// key is a hash, twice with random seeds: nobody outside can aim for a collision.
type key struct{ a, b uint64 }

// Stats counts what the cache did since New.
type Stats struct {
	Hits     uint64 // of texts or shapes
	Misses   uint64 // shapes that had to be parsed
	Bypassed uint64 // texts that have no shape
	Entries  int
	Bytes    int // of the entries, about
}

// New returns a parser that remembers about entries shapes, those in use longest, in
// at most 2 KiB times entries.
func New(entries int) *Parser {
	p := &Parser{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, texts: new(texts), store: newStore(entries)}
	p.readers.New = func() any { return &reader{scanner: scanner{out: make([]byte, 0, 1024)}} }
	return p
}

// Parse returns the facts of sql, which it doesn't keep. It never returns nil: what
// PostgreSQL's grammar refuses is Unknown and Writes. A hit allocates nothing.
func (p *Parser) Parse(sql []byte) *Facts {
	if len(sql) > MaxText {
		return p.refuse(hintOf(sql))
	}
	r := p.readers.Get().(*reader)
	f := p.read(r, sql)
	r.in = nil
	p.readers.Put(r)
	return f
}

func (p *Parser) read(r *reader, sql []byte) *Facts {
	if !r.gate.open() {
		r.scan(sql)
		return p.facts(&r.scanner)
	}
	k := p.key(sql)
	f := p.texts.get(k)
	if r.gate.note(f != nil); f != nil {
		return f
	}
	r.scan(sql)
	f = p.facts(&r.scanner)
	p.texts.put(k, f)
	return f
}

// facts are those of the text that s has scanned.
func (p *Parser) facts(s *scanner) *Facts {
	switch {
	case s.tooDeep():
		return p.refuse(s.hint)
	case s.sure != exact:
		p.bypassed.Add(1)
		p.parsed.Add(1)
		return s.classify()
	}
	k := p.key(s.out)
	if f := p.store.get(k); f != nil {
		return f
	}
	p.parsed.Add(1)
	return p.store.put(k, s.classify())
}

// Parsed counts the texts that were parsed, because the cache did not help. One takes from
// some microseconds to some milliseconds.
func (p *Parser) Parsed() uint64 { return p.parsed.Load() }

func (p *Parser) key(of []byte) key {
	return key{maphash.Bytes(p.seeds[0], of), maphash.Bytes(p.seeds[1], of)}
}

// Unseen returns the facts of a text that is too large to be had whole.
func (p *Parser) Unseen() *Facts { return p.refuse(Hint{}) }

func (p *Parser) refuse(h Hint) *Facts {
	p.bypassed.Add(1)
	f := unknown()
	f.Hint = h
	return f
}

func (s *scanner) classify() *Facts {
	f := classify(string(s.in))
	f.Hint = s.hint
	return f
}

// Stats returns the counters, each at its own moment.
func (p *Parser) Stats() Stats {
	total := Stats{Hits: p.texts.hits(), Bypassed: p.bypassed.Load()}
	p.store.addTo(&total)
	return total
}
