package failover

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/cluster"
)

// The primary's network is cut, as of a machine of its own: nothing is refused,
// nothing is closed, packets go nowhere. Another node takes over; the old primary,
// which still runs and takes writes of those who are on its side, is not used when
// the network is back.
func TestNetworkCut(t *testing.T) {
	wire, why := newCable(t)
	if wire == nil {
		t.Logf("no network can be cut here: %s", why)
		return
	}
	r := newRig(t, 2, func(c *Config) { wire.lead(c, 0) })
	r.write(0, 1, 2)
	wire.set("down")
	began := time.Now()
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() > 0 })
	t.Logf("writes open after %v", time.Since(began))
	p := r.board.Current().Primary
	r.write(p)
	r.await("the other following", func(s *cluster.Snapshot) bool { return r.streaming(s, 3-p) })
	r.pg.Exec(0, "INSERT INTO t VALUES (66)") // on its side of the cut
	wire.set("up")
	r.await("node 0 refused", func(s *cluster.Snapshot) bool {
		return s.Nodes[0].Status == cluster.Down && strings.Contains(s.Nodes[0].Reason, "claims to be primary")
	})
	r.write(p)
	r.pg.AwaitCaughtUp(p, 3-p)
	if s := r.board.Current(); s.Writable() != p || s.Epoch != 2 || r.count(3-p) != 3 {
		t.Errorf("%d rows, %s", r.count(3-p), describe(s))
	}
}

// cable is a network of two: this machine, and a namespace in which a node can be
// reached. The node itself runs here; what comes in there is passed on to it.
type cable struct {
	t       *testing.T
	space   string // the namespace
	inside  string // its end of the cable
	address string // of that end
}

// newCable needs the right to make network namespaces; why tells what is missing.
func newCable(t *testing.T) (c *cable, why string) {
	number := os.Getpid() % 30_000
	c = &cable{t: t, space: fmt.Sprint("pgherd", number), inside: fmt.Sprint("pgi", number),
		address: fmt.Sprintf("10.213.%d.%d", number/125, number%125*2+1)}
	outside, here := fmt.Sprint("pgo", number), fmt.Sprintf("10.213.%d.%d", number/125, number%125*2)
	if os.Geteuid() != 0 {
		return nil, "not root"
	}
	if err := c.ip("netns", "add", c.space); err != nil {
		return nil, err.Error()
	}
	t.Cleanup(func() {
		if err := c.ip("netns", "del", c.space); err != nil { // with it both ends
			t.Error(err)
		}
	})
	for _, line := range []string{
		"link add " + outside + " type veth peer name " + c.inside + " netns " + c.space,
		"addr add " + here + "/31 dev " + outside, "link set " + outside + " up",
		"-n " + c.space + " addr add " + c.address + "/31 dev " + c.inside, "-n " + c.space + " link set " + c.inside + " up",
	} {
		if err := c.ip(strings.Fields(line)...); err != nil {
			return nil, err.Error()
		}
	}
	return c, ""
}

func (c *cable) ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// set plugs the cable in ("up") or pulls it out ("down").
func (c *cable) set(state string) {
	c.t.Helper()
	if err := c.ip("-n", c.space, "link", "set", c.inside, state); err != nil {
		c.t.Fatal(err)
	}
}

// lead has everybody reach a node by the cable: pgherd, which has no other access to
// it, and the standbys.
func (c *cable) lead(config *Config, id cluster.NodeID) {
	c.t.Helper()
	n := &config.Nodes[id]
	l := c.listen(n.Address())
	n.Access, n.Host, n.Port = cluster.AccessNone, c.address, l.Addr().(*net.TCPAddr).Port
	ctx := context.Background()
	for _, standby := range config.Nodes {
		if standby.ID == id {
			continue
		}
		conn, err := connect(ctx, standby, config.Monitor)
		if err == nil {
			err = alterSystem(ctx, conn, "primary_conninfo", n.PrimaryConninfo(standby, config.Monitor))
			hangUp(conn)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

// listen passes on what comes in at the far end of the cable.
func (c *cable) listen(to string) net.Listener {
	c.t.Helper()
	var l net.Listener
	var err error
	var made sync.WaitGroup
	made.Go(func() {
		runtime.LockOSThread() // and never unlocked: the thread ends in its namespace
		if err = enter("/run/netns/" + c.space); err == nil {
			l, err = net.Listen("tcp", c.address+":0")
		}
	})
	made.Wait()
	if err != nil {
		c.t.Fatal(err)
	}
	var group sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { relay(ctx, conn, to) })
		}
	})
	c.t.Cleanup(func() {
		stop()
		_ = l.Close()
		group.Wait()
	})
	return l
}

func enter(space string) error {
	f, err := os.Open(space)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// relay passes bytes both ways until one side ends, or ctx does.
func relay(ctx context.Context, conn net.Conn, to string) {
	defer conn.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	for _, pair := range [][2]net.Conn{{conn, server}, {server, conn}} {
		group.Go(func() {
			defer stop()
			_, _ = io.Copy(pair[0], pair[1]) // its end is all that matters
		})
	}
	<-ctx.Done()
	_, _ = conn.Close(), server.Close()
	group.Wait()
}
