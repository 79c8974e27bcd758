package recovery

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

// TestPlanScenarios carries out testdata/diagnose.txt.
func TestPlanScenarios(t *testing.T) {
	file, err := os.Open("testdata/diagnose.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			parts := strings.Split(rest, "|")
			source, node := parseEnd(t, parts[0]), parseEnd(t, parts[1])
			f := brokenStandby()
			f.Source.Timeline, f.Source.Position, f.Source.History, f.Source.OldestLog = source.Timeline, source.End, source.History, source.oldest
			node.Segment = 0x100
			f.Target.Log, f.Target.Archive = &node.Log, node.archive
			want, reason, _ := strings.Cut(strings.TrimSpace(parts[2]), " ")
			got, why := Diagnose(f.Source, f.Target)
			if got.String() != want || !strings.Contains(why, reason) {
				t.Errorf("%v: %s; want %s: %s", got, why, want, reason)
			}
			if planned, found := Plan(f); planned != got || len(found) > 0 {
				t.Errorf("planned %v %v, want %v", planned, found, got)
			}
		})
	}
}

// end is what one side of a scenario says.
type end struct {
	Log
	oldest  cluster.LSN
	archive Archive
}

func parseEnd(t *testing.T, text string) end {
	t.Helper()
	words := strings.Fields(text)[1:]
	e := end{Log: Log{Clean: true, Hints: true}}
	at := parseAt(t, words[0])
	e.Timeline, e.End = at.Timeline, at.Switch
	for i := 1; i < len(words); i++ {
		switch word := words[i]; word {
		case "log":
			i++
			e.oldest = parseAt(t, "1@"+words[i]).Switch
		case "standby":
			e.Standby = true
		case "crashed":
			e.Clean = false
		case "plain":
			e.Hints = false
		case "from":
		case "archive":
			e.archive = archiveOf(t, words[i+1:])
			return e
		default:
			e.History = append(e.History, parseAt(t, word))
		}
	}
	return e
}

// archiveOf has a segment for each position, and the history of each TIMELINE@history.
func archiveOf(t *testing.T, positions []string) Archive {
	t.Helper()
	a := Archive{Files: map[string]bool{}}
	for _, word := range positions {
		if timeline, ok := strings.CutSuffix(word, "@history"); ok {
			a.Files["0000000"+timeline+".history"] = true
			continue
		}
		at := parseAt(t, word)
		a.Files[fmt.Sprintf("%08X%08X%08X", uint32(at.Timeline), 0, uint64(at.Switch)/0x100)] = true
	}
	return a
}

func parseAt(t *testing.T, text string) (a cluster.Ancestor) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "%d@%x", &a.Timeline, &a.Switch); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return a
}

func TestPlanOfUnusableDirectories(t *testing.T) {
	good := Log{Timeline: 1, End: 0x400, Segment: 0x100, Clean: true, Hints: true, Standby: true}
	for _, c := range []struct {
		name   string
		change func(*Target)
		want   Procedure
		why    string
	}{
		{"good", func(*Target) {}, Follow, ""},
		{"missing", func(t *Target) { t.Directory = DirMissing }, Rebuild, "no usable data directory"},
		{"damaged", func(t *Target) { t.Directory = DirDamaged }, Rebuild, "no usable data directory"},
		{"unfinished", func(t *Target) { t.Unfinished = "a rewind was interrupted" }, Rebuild, "interrupted"},
		{"a file is short", func(t *Target) { t.Short = []string{"base/5/16384"} }, Rebuild, "have lost their ends in it, such as base/5/16384"},
		{"a file is lost", func(t *Target) { t.Missing = []string{"base/5/16384"} }, Rebuild, "such as base/5/16384"},
		{"unreadable log", func(t *Target) { t.Log, t.LogError = nil, "torn" }, Rebuild, "torn"},
	} {
		f := brokenStandby()
		f.Source.Timeline, f.Source.Position = 1, 0x500
		f.Target.Log = &good
		c.change(f.Target)
		if got, why := Diagnose(f.Source, f.Target); got != c.want || !strings.Contains(why, c.why) {
			t.Errorf("%s: %v, %s", c.name, got, why)
		}
	}
}

// The operator's word counts, unless it would not bring the node back.
func TestPlanOfWhatWasAsked(t *testing.T) {
	for _, c := range []struct {
		asked  Procedure
		end    cluster.LSN // the primary left the timeline at 0x500
		want   Procedure
		refuse string
	}{
		{Undecided, 0x400, Follow, ""},
		{Rebuild, 0x400, Rebuild, ""},
		{Follow, 0x400, Follow, ""},
		{Rewind, 0x400, Undecided, "rewind would not bring node 1 back: its log up to"},
		{Follow, 0x600, Undecided, "follow would not bring node 1 back: its log goes on"},
		{Rewind, 0x600, Rewind, ""},
	} {
		f := brokenStandby()
		f.How = By(c.asked)
		f.Source.Timeline, f.Source.Position, f.Source.History = 2, 0x900, []cluster.Ancestor{{Timeline: 1, Switch: 0x500}}
		f.Target.Log = &Log{Timeline: 1, End: c.end, Segment: 0x100, Hints: true, Standby: true, Clean: true}
		got, found := Plan(f)
		if got != c.want || (c.refuse != "") != (len(found) == 1) || c.refuse != "" && !strings.Contains(found[0].Problem, c.refuse) {
			t.Errorf("%v with the log up to %s: %v %v", c.asked, c.end, got, found)
		}
	}
	f := brokenStandby() // what keeps a copy from being made is nothing to one that follows
	f.Source.Timeline, f.Source.Position, f.Source.FreeSenders, f.Target.Volume.free = 1, 0x500, 1, 0
	f.Target.Log = &Log{Timeline: 1, End: 0x400, Segment: 0x100, Standby: true}
	if got, found := Plan(f); got != Follow || len(found) > 0 {
		t.Errorf("without space: %v %v", got, found)
	}
}
