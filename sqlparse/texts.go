package sqlparse

import (
	"reflect"
	"sync/atomic"
)

// textSlots is how many texts are known as they stand. Only speed depends on it.
const textSlots = 4096

// texts knows the facts of texts that came before to the byte, which saves scanning
// them: those of prepared statements, mostly. Each has one slot, where it displaces
// another when it comes twice in a row: so texts that come once, with ever new
// constants, displace and allocate nothing.
type texts struct {
	slots [textSlots]textSlot
}

type textSlot struct {
	known atomic.Pointer[knownText]
	last  atomic.Uint64 // key.a of the text that came last and wasn't known
	hits  atomic.Uint64
}

type knownText struct {
	key   key // of the text, not of its shape
	facts *Facts
}

func (t *texts) slot(k key) *textSlot { return &t.slots[k.b%textSlots] }

// get is nil for a text that isn't known.
func (t *texts) get(k key) *Facts {
	s := t.slot(k)
	if known := s.known.Load(); known != nil && known.key == k {
		s.hits.Add(1)
		return known.facts
	}
	return nil
}

func (t *texts) put(k key, f *Facts) {
	s := t.slot(k)
	if s.last.Swap(k.a) == k.a && weigh(reflect.ValueOf(f)) <= maxWeight {
		s.known.Store(&knownText{k, f})
	}
}

func (t *texts) hits() (sum uint64) {
	for i := range t.slots {
		sum += t.slots[i].hits.Load()
	}
	return sum
}

// gate lets only one text in sparsely look for itself while hardly any is known, as
// when each has constants of its own. To find nothing in a table larger than the
// processor's nearest cache costs as much as half a scan.
type gate struct {
	shut          bool
	passed        uint8 // texts since the last that was let in
	looked, found uint16
}

const (
	sparsely   = 16
	inSample   = 256
	worthwhile = inSample / 8
)

func (g *gate) open() bool {
	g.passed++
	return !g.shut || g.passed%sparsely == 0
}

// note takes down what came of looking.
func (g *gate) note(found bool) {
	g.looked++
	if found {
		g.found++
	}
	if g.looked == inSample {
		g.shut = g.found < worthwhile
		g.looked, g.found = 0, 0
	}
}
