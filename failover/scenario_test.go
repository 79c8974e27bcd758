package failover

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/rights"
)

var rewrite = flag.Bool("rewrite", false, "write what Step does into testdata; commit it only when you know why it changed")

// TestScenarios runs testdata/*.txt: blocks of commands, a line of dashes, and
// the actions that Step answered. Commands:
//
//	cluster nodes=3 [auto=false] [access=none|sql] [epoch=4 primary=0] [journal=promote/0/1/epoch] [down=2] [astray=1] [demoted=0] [commits=ACKS/NODE] [flag0=FLAG] [auto_failback=false] [detach_false_primary=false] [hooks=yes]
//	probe NODE primary|standby|refused|silent|starting|rejected [from=NODE] [lsn=X/Y] [sys=ID] [age=DURATION] [tli=N] [paused=yes] [delay=DURATION]
//	           [lacks=watch|lead|demote|lead14]
//	           [sync=NODE,...] [potential=NODE,...] [acks=N] [flush=X/Y]
//	cancel REQUEST
//	join COUNT
//	promote NODE [force] / attach NODE / detach NODE / recover NODE / recovered NODE [error] / drain NODE / drained NODE
//	done ACTION NODE [lsn=X/Y] [tli=N] [paused=yes] [delay=DURATION] [error=WORD]
//	wait DURATION       passes time, then ticks
//
// Actions are printed as they come; Save is answered at once unless the command
// "saves fail" was given. The command "explain NODE [force]" prints what promote
// would do.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sc := &scenario{t: t, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	var got strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		commands, _, _ := strings.Cut(block, "\n----")
		fmt.Fprintf(&got, "%s\n----\n", commands)
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
				sc.command(line)
			}
		}
		got.WriteString(sc.take() + "\n")
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.TrimSpace(string(data)); !*rewrite && strings.TrimSpace(got.String()) != want {
		t.Errorf("%s:\n%s", file, firstDifference(want, got.String()))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n want %s\n  got %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

type scenario struct {
	t         *testing.T
	state     State
	now       time.Time
	requests  uint64
	saveError error
	out       strings.Builder
}

func (sc *scenario) take() string {
	defer sc.out.Reset()
	return sc.out.String()
}

// step feeds one event and, as the loop does, the results of quick actions.
func (sc *scenario) step(e Event) {
	before := sc.state
	frozen := fmt.Sprintf("%+v", before)
	state, actions := Step(before, e, sc.now)
	if after := fmt.Sprintf("%+v", before); after != frozen {
		sc.t.Errorf("Step changed its argument:\n%s\n%s", frozen, after)
	}
	checkInvariants(sc.t, before, state)
	sc.state = state
	for _, a := range actions {
		fmt.Fprintln(&sc.out, a)
		sc.hint(a)
		if a.Kind == Save {
			sc.step(Done{Op: a.Op, Kind: Save, Node: a.Node, Err: sc.saveError})
		}
	}
}

// hint prints what psql shows below the message. Every refusal has one.
func (sc *scenario) hint(a Action) {
	if a.Kind != Reply || a.Err == nil {
		return
	}
	e, ok := a.Err.(interface {
		Hint() string
		SQLState() string
	})
	if !ok || e.Hint() == "" || e.SQLState() != "55000" && e.SQLState() != "57014" {
		sc.t.Errorf("reply %d has no hint or no SQLSTATE: %#v", a.Request, a.Err)
		return
	}
	fmt.Fprintln(&sc.out, "  hint:", e.Hint())
}

// checkInvariants: epochs never decrease, and the primary only changes with one.
func checkInvariants(t *testing.T, before, after State) {
	if after.Epoch < before.Epoch {
		t.Errorf("epoch went from %d to %d", before.Epoch, after.Epoch)
	}
	if after.Epoch == before.Epoch && after.Primary != before.Primary {
		t.Errorf("primary went from %d to %d within epoch %d", before.Primary, after.Primary, after.Epoch)
	}
}

type arguments map[string]string

func (a arguments) number(key string, otherwise int) int {
	if n, err := strconv.Atoi(a[key]); err == nil {
		return n
	}
	return otherwise
}

func (a arguments) lsn() cluster.LSN {
	l, err := cluster.ParseLSN(a["lsn"])
	if err != nil {
		return 0
	}
	return l
}

func (sc *scenario) command(line string) {
	words := strings.Fields(line)
	args := arguments{}
	var plain []string
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = v
		} else {
			plain = append(plain, w)
		}
	}
	sc.now = sc.now.Add(time.Millisecond)
	switch words[0] {
	case "cluster":
		sc.cluster(args)
	case "saves":
		sc.saveError = errors.New("disk full")
	case "probe":
		sc.probe(plain, args)
	case "done":
		sc.done(plain, args)
	case "join":
		sc.join(plain)
	case "cancel":
		number, _ := strconv.ParseUint(plain[0], 10, 64)
		sc.step(Canceled{number})
	case "explain":
		sc.explain(plain)
	case "wait":
		d, err := time.ParseDuration(plain[0])
		if err != nil {
			sc.t.Fatal(err)
		}
		sc.now = sc.now.Add(d)
		sc.step(Tick{})
	default:
		sc.request(words[0], plain)
	}
}

func (sc *scenario) join(plain []string) {
	count, _ := strconv.Atoi(plain[0])
	sc.requests++
	r := Requested{Number: sc.requests, Kind: RequestJoin}
	for i := len(sc.state.Nodes); i < len(sc.state.Nodes)+count; i++ {
		r.Nodes = append(r.Nodes, cluster.Node{ID: cluster.NodeID(i), Name: fmt.Sprintf("node%d", i), Host: "127.0.0.1", Port: 5000 + i, Access: cluster.AccessLocal})
	}
	sc.step(r)
}

// explain prints what stands in the way too: its commands are those of promote.
func (sc *scenario) explain(plain []string) {
	id, _ := strconv.Atoi(plain[0])
	mode := Switchover
	if len(plain) > 1 {
		mode = Force
	}
	frozen := fmt.Sprintf("%+v", sc.state)
	x := explain(&sc.state, cluster.NodeID(id), mode, sc.now)
	if after := fmt.Sprintf("%+v", sc.state); after != frozen {
		sc.t.Errorf("explain changed its argument:\n%s\n%s", frozen, after)
	}
	for i, step := range x.Steps {
		fmt.Fprintf(&sc.out, "%d. %s\n", i+1, step)
	}
	for _, o := range x.Obstacles {
		fmt.Fprintf(&sc.out, "obstacle (passing %v): %s\n  hint: %s\n", o.Passing, o.Problem, o.Hint)
	}
}

func (sc *scenario) cluster(args arguments) {
	c := Config{Auto: args["auto"] != "false", Monitor: cluster.Credentials{User: "mon", Database: "postgres"}, HealthCheck: HealthCheck{MaxRetries: 2}}
	for i := range args.number("nodes", 3) {
		n := cluster.Node{ID: cluster.NodeID(i), Name: fmt.Sprintf("node%d", i), Host: "127.0.0.1", Port: 5000 + i, Access: cluster.AccessLocal}
		switch args["access"] {
		case "none":
			n.Access = cluster.AccessNone
		case "sql":
			n.Access = cluster.AccessSQL
		}
		for f := range cluster.AlwaysPrimary + 1 {
			if args[fmt.Sprintf("flag%d", i)] == f.String() {
				n.Flag = f
			}
		}
		c.Nodes = append(c.Nodes, n)
	}
	c.ManualFailback = args["auto_failback"] == "false"
	c.KeepFalsePrimary = args["detach_false_primary"] == "false"
	if args["hooks"] != "" {
		c.Nodes[0].DataDirectory = "/data/0"
		c.Hooks = Hooks{Failover: "down %d %h %p %D new %m %H %r %R old %M %P %N %S %%", Failback: "back %d new %m", FollowPrimary: "follow %d new %m old %P"}
	}
	r := cluster.Record{Epoch: cluster.Epoch(args.number("epoch", 0)), Primary: cluster.NodeID(args.number("primary", -1))}
	if r.Epoch > 0 {
		r.SystemIdentifier = "7"
	}
	if acks, member, ok := strings.Cut(args["commits"], "/"); ok {
		r.Synchronous = cluster.Synchronous{Acks: arguments{"": acks}.number("", 0), Members: []cluster.NodeID{cluster.NodeID(arguments{"": member}.number("", 0))}}
	}
	if f := args.number("astray", -1); f >= 0 {
		r.Astray = []cluster.NodeID{cluster.NodeID(f)}
	}
	if d := args.number("demoted", -1); d >= 0 {
		r.Demoted = []cluster.NodeID{cluster.NodeID(d)}
	}
	if d := args.number("down", -1); d >= 0 {
		r.Down = []cluster.NodeID{cluster.NodeID(d)}
	}
	if j := strings.Split(args["journal"], "/"); len(j) == 4 {
		from, _ := strconv.Atoi(j[1])
		to, _ := strconv.Atoi(j[2])
		r.Promised = j[3] == PhasePromote.String()
		r.Journal = &cluster.Entry{Kind: j[0], From: cluster.NodeID(from), To: cluster.NodeID(to), Phase: j[3]}
	}
	sc.state = NewState(c, r, sc.now)
}

func (sc *scenario) probe(plain []string, args arguments) {
	id, _ := strconv.Atoi(plain[0])
	r := Report{Began: sc.now, Outcome: Alive, SystemID: "7", Timeline: cluster.Timeline(args.number("tli", 1)), Received: args.lsn(), Replayed: args.lsn()}
	if id := args["sys"]; id != "" {
		r.SystemID = id
	}
	switch plain[1] {
	case "primary":
		r.Role = cluster.Primary
		r.follow(args)
	case "standby":
		r.Role = cluster.Standby
		_, r.Paused = args["paused"]
		r.Delay, _ = time.ParseDuration(args["delay"])
		if from := args.number("from", -1); from >= 0 {
			age, _ := time.ParseDuration(args["age"])
			r.Receiver = Receiver{Status: "streaming", Host: "localhost", Port: 5000 + from, Age: age}
		}
	default:
		r = Report{Began: sc.now, Detail: plain[1]}
		for _, o := range []Outcome{Refused, Broken, Silent, Starting, Rejected} {
			if o.String() == plain[1] {
				r.Outcome = o
			}
		}
	}
	if r.Outcome == Alive {
		r.Lacks = lacking(args["lacks"])
	}
	sc.step(Probed{Node: cluster.NodeID(id), Report: r})
}

// lacking is what the monitor's account has not, of PostgreSQL 15 or 14.
func lacking(what string) rights.Missing {
	switch what {
	case "watch":
		return rights.All(15)
	case "lead":
		return rights.All(15).For(rights.Lead, rights.Demote)
	case "lead14":
		return rights.All(14).For(rights.Lead, rights.Demote)
	case "demote":
		return rights.All(15).For(rights.Demote)
	}
	return nil
}

// follow reads sync=1,2 potential=3 acks=1 flush=X/Y.
func (r *Report) follow(args arguments) {
	flush, _ := cluster.ParseLSN(args["flush"])
	for _, state := range []string{"sync", "potential"} {
		for _, id := range strings.FieldsFunc(args[state], func(c rune) bool { return c == ',' }) {
			r.Followers = append(r.Followers, Follower{Name: "node" + id, State: "streaming", SyncState: state, Flushed: flush})
			r.Acks = 1
		}
	}
	r.Acks = args.number("acks", r.Acks)
}

func (sc *scenario) done(plain []string, args arguments) {
	id, _ := strconv.Atoi(plain[1])
	d := Done{Op: sc.state.LastOp, Node: cluster.NodeID(id)}
	for k := Publish; k <= Rejoin; k++ {
		if k.String() == plain[0] {
			d.Kind = k
		}
	}
	switch args["error"] {
	case "":
	case "unreachable":
		d.Err = host.ErrUnreachable
	default:
		d.Err = errors.New(args["error"])
	}
	d.Found = Found{SystemID: "7", Timeline: cluster.Timeline(args.number("tli", 1)), Received: args.lsn(), Replayed: args.lsn()}
	_, d.Found.Paused = args["paused"]
	d.Found.Delay, _ = time.ParseDuration(args["delay"])
	sc.step(d)
}

func (sc *scenario) request(word string, plain []string) {
	id, _ := strconv.Atoi(plain[0])
	sc.requests++
	r := Requested{Number: sc.requests, Node: cluster.NodeID(id), Kind: -1}
	for k := RequestPromote; k <= RequestDrained; k++ {
		if k.String() == word {
			r.Kind = k
		}
	}
	if r.Kind < 0 {
		sc.t.Fatalf("unknown command %q", word)
	}
	if len(plain) > 1 && plain[1] == "force" {
		r.Mode = Force
	} else if len(plain) > 1 {
		r.Err = errors.New(plain[1])
	}
	sc.step(r)
}
