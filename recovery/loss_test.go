package recovery

import (
	"errors"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

func TestForkOf(t *testing.T) {
	at := func(pairs ...uint64) (all []cluster.Ancestor) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, cluster.Ancestor{Timeline: cluster.Timeline(pairs[i]), Switch: cluster.LSN(pairs[i+1])})
		}
		return all
	}
	for _, c := range []struct {
		name          string
		theirs, own   []cluster.Ancestor // the last one is where the log ends
		fork, ownFrom cluster.LSN
		bytes         uint64
	}{
		{"part of the primary's", at(1, 0x900), at(1, 0x400), 0x400, 0x400, 0},
		{"ahead of it", at(1, 0x400), at(1, 0x900), 0x400, 0x400, 0x500},
		{"an old primary", at(1, 0x400, 2, 0x600), at(1, 0x700), 0x400, 0x400, 0x300},
		{"ends where it was left", at(1, 0x400, 2, 0x600), at(1, 0x400), 0x400, 0x400, 0},
		{"promoted by hand", at(1, 0x900), at(1, 0x400, 2, 0x600), 0x400, 0x400, 0x200},
		{"both promoted", at(1, 0x300, 3, 0x900), at(1, 0x400, 2, 0x600), 0x300, 0x400, 0x300},
		{"one number, two branches", at(1, 0x300, 2, 0x900), at(1, 0x400, 2, 0x600), 0x300, 0x400, 0x300},
	} {
		last, end := c.theirs[len(c.theirs)-1], c.own[len(c.own)-1]
		s := &Source{Timeline: last.Timeline, Position: last.Switch, History: c.theirs[:len(c.theirs)-1]}
		l := &Log{Timeline: end.Timeline, End: end.Switch, History: c.own[:len(c.own)-1]}
		if got := forkOf(s, l); got != (fork{c.fork, c.ownFrom, c.bytes}) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestTransactionsInWords(t *testing.T) {
	many := host.Commits{IDs: []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, Last: "now"}
	for want, c := range map[string]host.Commits{
		"0 committed transactions":                                                       {All: true},
		"1 committed transaction (740), the last at now":                                 {IDs: []uint32{740}, Last: "now", All: true},
		"at least 11 committed transactions (1 2 3 4 5 6 7 8 9 10 ...), the last at now": many,
	} {
		if got := transactions(c, nil); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := transactions(host.Commits{}, errors.New("no such file")); got != "an unknown number of transactions: no such file" {
		t.Error(got)
	}
}
