package server

import (
	"fmt"
	"testing"
)

// Ensure that a client whose texts all have to be parsed does not keep the loop from others
// meanwhile, be they in many batches or in one.
func TestParsingGivesWay(t *testing.T) {
	r := single(t, 1, 1)
	c := r.raw()
	const texts = 200
	var queries, parses []byte
	for i := range texts {
		queries = append(queries, mQuery(fmt.Sprint("select 1 as a", i))...)
		parses = append(parses, mParse("", fmt.Sprint("select 1 as b", i))...)
	}
	for _, part := range []struct {
		send    []byte
		answers int
	}{{queries, texts}, {join(parses, mSync()), 1}} {
		all, most := r.parsedAtATime(func() {
			c.send(part.send)
			c.answers(part.answers)
		})
		if all != texts || most > mostParses {
			t.Errorf("%d answers: %d texts were parsed, up to %d at a time", part.answers, all, most)
		}
	}
}

// parsedAtATime counts the texts that the only loop has parsed for f, and the most of them
// that it has parsed before it looked at what else there was to do.
func (r *rig) parsedAtATime(f func()) (all, most uint64) {
	loop, parser := r.server.shards[0].loop, r.server.parser
	begun, over := make(chan struct{}), make(chan struct{})
	var last uint64
	var look func()
	look = func() {
		now := parser.Parsed()
		all, most, last = all+now-last, max(most, now-last), now
		select {
		case over <- struct{}{}:
		default:
			loop.Post(look)
		}
	}
	loop.Post(func() {
		last = parser.Parsed()
		close(begun)
		look()
	})
	<-begun
	f()
	<-over
	return all, most
}
