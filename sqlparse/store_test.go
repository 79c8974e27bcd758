package sqlparse

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// keys are distinct, as far as chance goes.
func keys(random *rand.Rand, n int) []key {
	list := make([]key, n)
	for i := range list {
		list[i] = key{random.Uint64(), random.Uint64()}
	}
	return list
}

// TestShapesThatComeOnce: somebody sends a thousand times as many shapes as there is
// room for, each once, while others go on with theirs. These must stay.
func TestShapesThatComeOnce(t *testing.T) {
	const capacity, inUse = 8000, 2000
	random := rand.New(rand.NewPCG(1, 2))
	s, busy, f := newStore(capacity), keys(random, inUse), new(Facts)
	for _, k := range busy {
		s.put(k, f)
		s.get(k)
	}
	misses := 0
	for i, once := range keys(random, 1000*capacity/10) {
		s.put(once, f)
		if k := busy[i%inUse]; s.get(k) == nil {
			misses++
			s.put(k, f)
		}
	}
	if misses > inUse/100 {
		t.Errorf("%d of %d busy shapes were driven out", misses, inUse)
	}
}

// TestShapesThatComeTwice is what it takes to seem in use. A shape that is used once in
// capacity newcomers must stay for the most part.
func TestShapesThatComeTwice(t *testing.T) {
	const capacity, inUse, rounds = 8000, 1000, 50
	random := rand.New(rand.NewPCG(3, 4))
	s, busy, f := newStore(capacity), keys(random, inUse), new(Facts)
	misses := 0
	for range rounds {
		for range 4 {
			for _, k := range busy {
				if s.get(k) == nil {
					misses++
					s.put(k, f)
				}
			}
		}
		for _, twice := range keys(random, capacity) {
			s.put(twice, f)
			s.get(twice)
		}
	}
	if misses > rounds*inUse/10 {
		t.Errorf("%d misses in %d uses of busy shapes", misses, 4*rounds*inUse)
	}
}

// TestShapesOutOfUseGo: what was used once makes room for what is used now.
func TestShapesOutOfUseGo(t *testing.T) {
	const capacity, inUse, rounds = 8000, 2000, 60
	random := rand.New(rand.NewPCG(5, 6))
	s, f := newStore(capacity), new(Facts)
	for generation := range 10 {
		busy, misses := keys(random, inUse), 0
		for round := range rounds {
			for _, k := range busy {
				if s.get(k) == nil {
					s.put(k, f)
					misses += round / (rounds - 1) // the last one's
				}
			}
		}
		if misses > inUse/20 {
			t.Errorf("generation %d: %d of %d shapes still miss after %d uses", generation, misses, inUse, rounds)
		}
	}
}

// TestCacheIsBoundedInBytes fills it with facts that hold as many names as a text can.
func TestCacheIsBoundedInBytes(t *testing.T) {
	const entries = 16
	p := New(entries)
	for i := range 200 {
		long := fmt.Appendf(nil, "execute a%s; execute b%d", strings.Repeat("x", i*20), i)
		for range 3 {
			p.Parse(long)
		}
		p.Parse([]byte(fmt.Sprintf("execute c%d", i) + strings.Repeat("; execute d", i*5)))
	}
	stats := p.Stats()
	if most := entries / ways * bucketRoom; stats.Bytes > most || stats.Entries > entries || stats.Entries < 2 {
		t.Errorf("%+v, want at most %d bytes", stats, most)
	}
}

func TestWeighSeesAllFields(t *testing.T) {
	f := &Facts{Tag: strings.Repeat("t", 100), Executes: []string{strings.Repeat("x", 1000), "y"}}
	empty := weigh(reflect.ValueOf(&Facts{}))
	if got := weigh(reflect.ValueOf(f)) - empty; got < 1101 || got > 1201 {
		t.Errorf("%d bytes more than empty facts", got)
	}
}
