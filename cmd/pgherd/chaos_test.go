package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// chaos is hours of trouble, in minutes: what may happen to nodes and to pgherd
// happens at random while clients write and read.
type chaos struct {
	*served
	kind    chaosKind
	dsn     string
	random  *rand.Rand
	began   time.Time
	clients []*chaosClient
	gate    sync.RWMutex // a client holds it for a statement, a look at everything alone
	visits  atomic.Int64 // sessions of visitors that ended in order

	commands sync.WaitGroup
	mu       sync.Mutex // guards what follows
	diary    []string
	tally    map[string]int
	verified map[chaosRow]bool // acknowledged rows that were there once
}

// trouble is one thing that may happen.
type trouble struct {
	name   string
	weight int
	cause  func(c *chaos, id cluster.NodeID)
}

var troubles = [...]trouble{
	{"kill -9 the primary", 3, func(c *chaos, _ cluster.NodeID) { c.crash(c.primary()) }},
	{"kill -9", 3, (*chaos).crash},
	{"stop", 2, (*chaos).stop},
	{"start", 3, (*chaos).start},
	{"freeze", 2, (*chaos).freeze},
	{"freeze one process", 2, (*chaos).freezeOne},
	{"wipe", 1, (*chaos).wipe},
	{"thaw", 3, func(c *chaos, id cluster.NodeID) { c.cluster.Thaw(id) }},
	{"end the connections", 2, (*chaos).sever},
	{"power cut", 1, (*chaos).powerCut},
	{"PROMOTE", 3, func(c *chaos, id cluster.NodeID) { c.say("PROMOTE NODE %d", id) }},
	{"RECOVER", 4, func(c *chaos, id cluster.NodeID) { c.say("RECOVER NODE %d", id) }},
	{"RECOVER REBUILD", 1, func(c *chaos, id cluster.NodeID) { c.say("RECOVER NODE %d REBUILD FORCE", id) }},
	{"RECOVER REWIND", 1, func(c *chaos, id cluster.NodeID) { c.say("RECOVER NODE %d REWIND", id) }},
	{"KILL RECOVERY", 1, func(c *chaos, id cluster.NodeID) { c.say("KILL RECOVERY %d", id) }},
	{"DETACH", 1, func(c *chaos, id cluster.NodeID) { c.say("DETACH NODE %d", id) }},
	{"ATTACH", 2, func(c *chaos, id cluster.NodeID) { c.say("ATTACH NODE %d", id) }},
	{"interrupt", 2, (*chaos).interrupt},
	{"RELOAD", 1, func(c *chaos, _ cluster.NodeID) { c.say("RELOAD") }},
	{"RECONNECT", 1, func(c *chaos, _ cluster.NodeID) { c.say("RECONNECT") }},
	{"PAUSE", 1, func(c *chaos, _ cluster.NodeID) { c.say("PAUSE"); c.say("RESUME") }},
	{"freeze pgherd", 1, (*chaos).freezeProgram},
	{"restart pgherd", 1, (*chaos).restart},
	{"kill -9 pgherd", 2, (*chaos).killProgramItself},
}

// Ensure that whatever happens to nodes and to pgherd, nothing that was acknowledged
// is lost, no session sees older data than it has seen or written, everything comes
// back by RECOVER, and nothing is left behind. PGHERD_CHAOS is for how long,
// PGHERD_SEED varies the choices (pgtest.Seed).
func TestChaos(t *testing.T) {
	length, err := time.ParseDuration(cmp.Or(os.Getenv("PGHERD_CHAOS"), "1s"))
	if err != nil {
		t.Fatal(err)
	}
	c := newChaos(t)
	c.launch()
	c.heal()
	c.createTables()
	stop := c.startClients()
	defer stop()
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); {
		c.troubled(3 + c.random.IntN(12))
		c.heal()
		c.awaitRounds()
		c.examine()
	}
	stop()
	c.examine()
	c.nothingLeft()
	t.Logf("%+v: %v; %d sessions of visitors", c.kind, c.tally, c.visits.Load())
}

func newChaos(t *testing.T) *chaos {
	seed := pgtest.Seed(t)
	kind := kindOf(seed)
	p := newProcess(t, 2, kind.extra(), append(kind.settings(), pgtest.WithSetting("wal_log_hints", "on"), pgtest.WithSetting("wal_keep_size", "256MB"))...)
	port := pgtest.FreePort(t)
	p.change("127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", port))
	c := &chaos{served: p, kind: kind, random: rand.New(rand.NewPCG(seed, 0)), began: time.Now(), tally: map[string]int{}, verified: map[chaosRow]bool{}}
	c.host, c.port = "127.0.0.1", fmt.Sprint(port)
	c.dsn = c.rig.dsn("bench", "connect_timeout=20")
	t.Cleanup(func() {
		c.commands.Wait()
		if t.Failed() {
			t.Log(strings.Join(c.diary, "\n"))
		}
	})
	return c
}

// chaosKind is what a seed chooses of the configuration.
type chaosKind struct{ asynchronous, autoRecover, global bool }

func kindOf(seed uint64) chaosKind { return chaosKind{seed&1 != 0, seed&2 != 0, seed&4 != 0} }

func (k chaosKind) settings() []pgtest.Option {
	if k.asynchronous {
		return nil
	}
	return []pgtest.Option{pgtest.WithSetting("synchronous_standby_names", "ANY 1 (node0, node1, node2)")}
}

func (k chaosKind) extra() (text string) {
	if k.autoRecover {
		text += "failover: {auto_recover: rebuild}\n"
	}
	if k.global {
		text += "databases: {bench: {consistency: global}}\n"
	}
	return text
}

func (c *chaos) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.diary = append(c.diary, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (c *chaos) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[what]++
}

// troubled has n things happen, one after another or nearly at once.
func (c *chaos) troubled(n int) {
	for range n {
		x, id := c.choose(), cluster.NodeID(c.random.IntN(len(c.cluster.Nodes())))
		c.note("%s, node %d", x.name, id)
		c.count(x.name)
		x.cause(c, id)
		if c.random.IntN(3) > 0 {
			time.Sleep(time.Duration(c.random.IntN(1500)) * time.Millisecond) // trouble keeps its own pace
		}
	}
}

func (c *chaos) choose() trouble {
	sum := 0
	for _, x := range troubles {
		sum += x.weight
	}
	n := c.random.IntN(sum)
	for _, x := range troubles {
		if n -= x.weight; n < 0 {
			return x
		}
	}
	return troubles[0]
}

// primary is the node that the record names.
func (c *chaos) primary() cluster.NodeID {
	store, err := cluster.OpenStore(c.state)
	if err != nil {
		return 0
	}
	return max(store.Load().Primary, 0)
}

func (c *chaos) crash(id cluster.NodeID) { c.cluster.Crash(id) }

func (c *chaos) stop(id cluster.NodeID) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = c.cluster.Instance(id).Stop(ctx, host.Fast) // it may be frozen, or gone already
}

// start is what a service manager does, whatever the node was.
func (c *chaos) start(id cluster.NodeID) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if running, err := c.cluster.Instance(id).Running(); err != nil || running {
		return
	}
	if err := c.cluster.Instance(id).Start(ctx); err != nil { // it may be in the middle of a recovery
		c.note("start of node %d: %v", id, err)
	}
}

func (c *chaos) freeze(id cluster.NodeID) { c.cluster.Freeze(id) }

// freezeOne stops any one process of a node, such as a receiver of its log.
func (c *chaos) freezeOne(id cluster.NodeID) {
	if pids := c.cluster.Processes(id); len(pids) > 0 {
		_ = syscall.Kill(pids[c.random.IntN(len(pids))], syscall.SIGSTOP) // it may have ended
	}
}

// wipe takes everything from a node that is out of service.
func (c *chaos) wipe(id cluster.NodeID) {
	lines := c.nodes()
	if len(lines) <= int(id) || lines[id][1] != "down" || id == c.primary() {
		return
	}
	c.cluster.Crash(id)
	_ = os.RemoveAll(c.cluster.Node(id).DataDirectory) // a recovery may be at work there
}

// sever ends every connection to a node, those of its standbys too.
func (c *chaos) sever(id cluster.NodeID) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	conn, err := c.cluster.Connect(ctx, id, "postgres")
	if err != nil {
		return
	}
	defer conn.Close(ctx)
	_, _ = conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')")
}

func (c *chaos) freezeProgram(cluster.NodeID) {
	_ = c.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(time.Duration(c.random.IntN(5000)) * time.Millisecond)
	_ = c.cmd.Process.Signal(syscall.SIGCONT)
}

func (c *chaos) restart(cluster.NodeID) {
	for _, patience := range []time.Duration{10 * time.Second, time.Minute} {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.ended:
			c.launch()
			return
		case <-time.After(patience):
		}
	}
	c.Fatal("pgherd does not end")
}

func (c *chaos) killProgramItself(cluster.NodeID) {
	_ = c.cmd.Process.Kill()
	<-c.ended
	c.launch()
}

// powerCut ends everything at once, and starts it again.
func (c *chaos) powerCut(cluster.NodeID) {
	_ = c.cmd.Process.Kill()
	for _, n := range c.cluster.Nodes() {
		c.cluster.Crash(n.ID)
	}
	<-c.ended
	for _, i := range c.random.Perm(len(c.cluster.Nodes())) {
		if c.random.IntN(4) > 0 {
			c.start(cluster.NodeID(i))
		}
	}
	c.launch()
}

// interrupt has psql send a cancel request in the midst of a command.
func (c *chaos) interrupt(id cluster.NodeID) {
	commands := []string{"PROMOTE NODE %d", "RECOVER NODE %d", "RECOVER NODE %d REBUILD FORCE", "DETACH NODE %d GRACEFULLY"}
	command := fmt.Sprintf(commands[c.random.IntN(len(commands))], id)
	cmd := c.console(context.Background(), command)
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	time.Sleep(time.Duration(c.random.IntN(1500)) * time.Millisecond)
	_ = cmd.Process.Signal(os.Interrupt)
	c.commands.Go(func() { c.note("%s, interrupted: %v", command, cmd.Wait()) })
}

// longestCommand is how long a command may take while others use the machine.
const longestCommand = 150 * time.Second

// say has the console carry out a command, and goes on.
func (c *chaos) say(command string, args ...any) {
	c.commands.Go(func() { _, _ = c.said(fmt.Sprintf(command, args...)) }) // it is noted
}

func (c *chaos) console(ctx context.Context, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "psql", "-X", "-At", "-v", "VERBOSITY=verbose", c.rig.dsn("pgpool", ""), "-c", command)
}

// said notes what the console has said, but to a question.
func (c *chaos) said(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longestCommand)
	defer cancel()
	began := time.Now()
	out, err := c.console(ctx, command).CombinedOutput()
	if ctx.Err() != nil {
		c.Errorf("%s is stuck: %s", command, out)
	}
	if strings.Contains(string(out), "XX000") {
		c.Errorf("%s: %s", command, out)
	}
	if !strings.HasPrefix(command, "SELECT") {
		c.note("%s ended after %s: %v: %s", command, time.Since(began).Round(time.Millisecond), err, strings.TrimSpace(string(out)))
	}
	return string(out), err
}
