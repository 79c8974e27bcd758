package routing

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// start is when every history begins; times are milliseconds after it.
var start = time.Unix(1_000_000, 0)

// scenario plays one file of testdata. Each line is a step:
//
//	node ID primary|standby STATUS WEIGHT   before the first snapshot
//	session session|global|eventual
//	epoch N primary ID [hold] [switch ENDED LSN|complete]
//	forget ID MS                            its position is not known any more
//	sample ID MS LSN [epoch N] [lag MS]     a poll that began at MS
//	wrote MS | read MS                      the session's, answered at MS
//	others MS                               somebody's write, for global
//	cover ID MS [epoch N]                   the primary shows what a standby had shown by MS
//	write [MS] | select [MS] -> NODE REASON [hopeful] [ahead]
//	forgive                                 the client has been told
//	policy WORD...                          of the configuration: see words
//	prefer WISH RATIO LUCK                  a preference list's; the luck is the session's, 0 to 1
//	route WISH                              SET pgherd.route
//	hint WISH                               of the statements that follow; auto ends it
//	block none|reads|wrote                  where the statements that follow stand
//	roll X                                  of the statements that follow, 0 to 1
//	wrote MS block                          in a transaction block
//	seen MS                                 an answer of the standby came
type scenario struct {
	t       *testing.T
	board   *cluster.Board
	nodes   []cluster.NodeState
	session Session
	others  time.Time
	in      Input // of the statements that follow
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			s := &scenario{t: t, session: NewSession(config.ConsistencySession)}
			for i, line := range strings.Split(string(text), "\n") {
				line, _, _ = strings.Cut(line, "#")
				if fields := strings.Fields(line); len(fields) > 0 {
					s.step(i+1, fields)
				}
			}
		})
	}
}

func (s *scenario) step(line int, f []string) {
	switch f[0] {
	case "node":
		s.node(f)
	case "session":
		s.session = NewSession(map[string]config.Consistency{"session": config.ConsistencySession,
			"global": config.ConsistencyGlobal, "eventual": config.ConsistencyEventual}[f[1]])
	case "epoch":
		s.epoch(f)
	case "sample":
		s.sample(f)
	case "forget":
		s.board.Forget(cluster.NodeID(number(f[1])), at(f[2]))
	case "cover":
		c := cluster.Cover{Epoch: s.board.Current().Epoch, Until: at(f[2])}
		if len(f) > 3 {
			c.Epoch = cluster.Epoch(number(f[4]))
		}
		s.board.SetCover(cluster.NodeID(number(f[1])), c)
	case "wrote", "read":
		s.session.Observe(at(f[1]), s.board.Current().Epoch, f[0] == "wrote")
		if f[0] == "wrote" {
			s.session.NoteWrite([...]Writer{WroteAlone, WroteInBlock}[len(f)-2])
		}
	case "seen":
		s.session.NoteRead(s.session.Standby, at(f[1]), s.board.Current().Epoch)
	case "policy", "prefer", "route", "hint", "block", "roll":
		s.set(f)
	case "others":
		s.others = at(f[1])
	case "forgive":
		s.session.Forgive(s.board.Current().Epoch)
	case "write", "select":
		s.decide(line, f)
	default:
		s.t.Fatalf("line %d: unknown step %s", line, f[0])
	}
}

// set changes what the statements that follow find.
func (s *scenario) set(f []string) {
	switch f[0] {
	case "policy":
		s.in.Policy = Policy{}
		for _, word := range f[1:] {
			words(s.t, &s.in.Policy, word)
		}
	case "prefer":
		s.session.Preference, s.session.Luck = wish(s.t, f[1]), uint32(fraction(f[3])*(1<<32-1))
		s.session.Preference.Ratio = fraction(f[2])
	case "route":
		s.session.Route = wish(s.t, f[1])
	case "hint":
		s.in.Hint = wish(s.t, f[1])
	case "block":
		s.in.Block = map[string]Block{"none": NoBlock, "reads": BlockReads, "wrote": BlockWrote}[f[1]]
	case "roll":
		s.in.Roll = uint32(fraction(f[1]) * (1<<32 - 1))
	}
}

// words are those of the step policy.
func words(t *testing.T, p *Policy, word string) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "unbalanced":
		p.Unbalanced = true
	case "primary-by-weight":
		p.PrimaryByWeight = true
	case "statement-level":
		p.StatementLevel = true
	case "always":
		p.AfterWrite = config.DisableAlways
	case "trans_transaction":
		p.AfterWrite = config.DisableInTransactions
	case "bytes":
		p.Delay.Bytes = cluster.LSN(number(value))
	case "ms":
		p.Delay.Time = time.Duration(number(value)) * time.Millisecond
	case "lowest":
		p.Delay.Lowest = true
	default:
		t.Fatalf("unknown policy %s", word)
	}
}

func wish(t *testing.T, text string) Wish {
	w, ok := ParseWish(text, 3)
	if !ok {
		t.Fatalf("unknown wish %s", text)
	}
	return w
}

func fraction(text string) float64 { x, _ := strconv.ParseFloat(text, 64); return x }

func number(text string) int { n, _ := strconv.Atoi(text); return n }

func at(ms string) time.Time { return start.Add(time.Duration(number(ms)) * time.Millisecond) }

func (s *scenario) node(f []string) {
	n := cluster.NodeState{Node: cluster.Node{ID: cluster.NodeID(number(f[1])), Weight: float64(number(f[4]))}, Role: cluster.Standby}
	if f[2] == "primary" {
		n.Role = cluster.Primary
	}
	for st := cluster.Unused; st <= cluster.Recovering; st++ {
		if st.String() == f[3] {
			n.Status = st
		}
	}
	if n.ID < cluster.NodeID(len(s.nodes)) {
		s.nodes[n.ID] = n
	} else {
		s.nodes = append(s.nodes, n)
	}
}

func (s *scenario) epoch(f []string) {
	if s.board == nil {
		plain := make([]cluster.Node, len(s.nodes))
		for i := range plain {
			plain[i] = s.nodes[i].Node
		}
		s.board = cluster.NewBoard(plain, start)
	}
	snap := s.board.Current().Clone()
	snap.Nodes = append([]cluster.NodeState(nil), s.nodes...)
	snap.Epoch, snap.Primary, snap.Hold = cluster.Epoch(number(f[1])), cluster.NodeID(number(f[3])), cluster.HoldNone
	for i := 4; i < len(f); i++ {
		switch f[i] {
		case "hold":
			snap.Hold = cluster.HoldWrites
		case "switch":
			snap.Switches = append(snap.Switches, cluster.Switch{Ended: cluster.Epoch(number(f[i+1])),
				LSN: cluster.LSN(number(f[i+2])), Complete: f[i+2] == "complete"})
		}
	}
	s.board.Publish(snap)
}

func (s *scenario) sample(f []string) {
	sample := cluster.Sample{Began: at(f[2]), LSN: cluster.LSN(number(f[3])), Epoch: s.board.Current().Epoch}
	for i := 4; i+1 < len(f); i += 2 {
		switch f[i] {
		case "epoch":
			sample.Epoch = cluster.Epoch(number(f[i+1]))
		case "lag":
			sample.Lag = time.Duration(number(f[i+1])) * time.Millisecond
		}
	}
	s.board.Record(cluster.NodeID(number(f[1])), sample)
}

func (s *scenario) decide(line int, f []string) {
	step, want, _ := strings.Cut(strings.Join(f, " "), " -> ")
	words := strings.Fields(step)
	in := s.in
	in.Board, in.LastWrite, in.Patience = s.board, s.others, 20*time.Millisecond
	if words[0] == "select" {
		in.Need = Read
	}
	if len(words) > 1 {
		in.Now = at(words[1])
	}
	r := Decide(in, &s.session)
	got := fmt.Sprint(int(r.Node), " ", r.Reason)
	if r.Hopeful {
		got += " hopeful"
	}
	if r.Role == cluster.Primary && s.session.Ahead(s.board) {
		got += " ahead"
	}
	if got != want {
		s.t.Errorf("line %d: %s: got %s, want %s", line, step, got, want)
	}
}

// Ensure that the reads are shared out by weight, and that weight 0 gets none.
func TestWeights(t *testing.T) {
	nodes := []cluster.Node{{ID: 0, Weight: 1}, {ID: 1, Weight: 1}, {ID: 2, Weight: 3}, {ID: 3, Weight: 0}}
	b := cluster.NewBoard(nodes, start)
	publish(b, 1, 0)
	counts := map[cluster.NodeID]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		s := NewSession(config.ConsistencySession)
		counts[Decide(Input{Need: Read, Board: b, Roll: random.Uint32()}, &s).Node]++
	}
	if counts[0]+counts[3] != 0 || counts[1] < 2300 || counts[1] > 2700 {
		t.Errorf("reads by node: %v, want 2500 and 7500 on nodes 1 and 2", counts)
	}
	s := NewSession(config.ConsistencySession)
	if r := Decide(Input{Need: Read, Board: b, Roll: 1<<32 - 1}, &s); r.Node != 2 {
		t.Errorf("the largest roll goes to %d", r.Node)
	}
}

func publish(b *cluster.Board, epoch cluster.Epoch, primary cluster.NodeID) {
	snap := b.Current().Clone()
	snap.Epoch, snap.Primary = epoch, primary
	for i := range snap.Nodes {
		snap.Nodes[i].Status, snap.Nodes[i].Role = cluster.Up, cluster.Standby
		if snap.Nodes[i].ID == primary {
			snap.Nodes[i].Role = cluster.Primary
		}
	}
	b.Publish(snap)
}
