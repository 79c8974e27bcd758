package cluster

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestJournalKeepsTheLast(t *testing.T) {
	j := NewJournal(3)
	for i, want := range []string{"", "1", "1 2", "1 2 3", "2 3 4", "3 4 5", "4 5 6", "5 6 7"} {
		if i > 0 {
			j.Add(Event{Text: fmt.Sprint(i)})
		}
		var got []string
		for _, e := range j.List() {
			if fmt.Sprint(e.Number) != e.Text {
				t.Errorf("event %s has number %d", e.Text, e.Number)
			}
			got = append(got, e.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("after %d events: %v, want %s", i, got, want)
		}
	}
}

func TestJournalOfNobody(t *testing.T) {
	var j *Journal
	j.Add(Event{})
	if got := j.List(); got != nil {
		t.Errorf("a nil journal lists %v", got)
	}
}

func TestJournalIsForEverybody(t *testing.T) {
	j := NewJournal(10)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				j.Add(Event{})
				j.List()
			}
		})
	}
	group.Wait()
	if last := j.List()[9].Number; last != 400 {
		t.Errorf("the last event has number %d, want 400", last)
	}
}
