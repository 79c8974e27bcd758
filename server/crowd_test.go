//go:build !race

package server

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// crowd is clients that all want the same few servers at once.
type crowd struct {
	*rig
	members []*raw
}

// Ensure that in a crowd that asks, waits, gives up and goes at once everybody gets an
// answer, nobody else is held up for long, and all that it took is given back.
func TestCrowd(t *testing.T) {
	size, err := strconv.Atoi(cmp.Or(os.Getenv("PGHERD_CROWD"), "1500"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth, s.MaxClients, p.Size, s.QueryWaitTimeout = config.AuthTrust, 2*size, 10, time.Minute
	})
	mustExec(t, r.connect(), "select 1")
	descriptors, memory := openFiles(t), inUse()
	worst := r.bystander()
	c := &crowd{rig: r}
	for range size {
		c.members = append(c.members, r.raw())
	}
	c.waitInLine()
	r.server.Resume("bench")
	c.answers(func(i int) string { return fmt.Sprintf("T D:%d C:SELECT_1 Z:I", i) })
	c.waitInLine()
	c.cancelAll()
	c.answers(func(int) string { return "E:57014 Z:I" })
	if n := r.waiting(); n > 0 {
		t.Errorf("%d stand in line for nobody", n)
	}
	r.server.Resume("bench")
	for _, m := range c.members {
		m.conn.Close()
	}
	await(t, func() bool { return openFiles(t) <= descriptors+20 })
	w := worst()
	t.Logf("a bystander waited for %s at most", w)
	if w > patience {
		t.Errorf("somebody else's statement took %s", w)
	}
	if more := inUse() - memory; more > 12<<20+int64(size)*3<<10 { // what is kept at hand, and the test's own
		t.Errorf("%d bytes are still in use", more)
	}
}

// waitInLine returns when all have asked for their number, and wait.
func (c *crowd) waitInLine() {
	c.server.Pause("bench")
	for i, m := range c.members {
		m.send(mQuery(fmt.Sprintf("select %d", i)))
	}
	await(c.T, func() bool { return c.waiting() == len(c.members) })
	all, err := c.server.Clients(c.Context())
	if err != nil || len(all) < len(c.members) {
		c.Errorf("%d clients of %d are reported: %v", len(all), len(c.members), err)
	}
}

// cancelAll sends a cancel request for each, from several places at once.
func (c *crowd) cancelAll() {
	const places = 20
	var wg sync.WaitGroup
	for place := range places {
		wg.Go(func() {
			for i := place; i < len(c.members); i += places {
				if err := c.cancel(c.members[i]); err != nil {
					c.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (c *crowd) cancel(m *raw) error {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = conn.Write(wire.AppendCancel(nil, m.pid, m.secret)); err == nil {
		_, _ = conn.Read(make([]byte, 1)) // it is closed when the request has been heard
	}
	return err
}

func (c *crowd) answers(want func(i int) string) {
	for i, m := range c.members {
		if got := m.until('Z'); got != want(i) {
			c.Fatalf("client %d got %s, want %s", i, got, want(i))
		}
	}
}

// bystander asks of another database all the time; what is returned stops it and tells
// how long it has waited at most.
func (r *rig) bystander() (worst func() time.Duration) {
	m := r.dialRaw()
	m.send(wire.AppendStartup(nil, "user", "bench", "database", "postgres"))
	m.until('Z')
	_ = m.conn.SetWriteDeadline(time.Time{})
	stop, longest := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		var most time.Duration
		for {
			select {
			case <-stop:
				longest <- most
				return
			case <-time.After(time.Millisecond):
			}
			began := time.Now()
			if _, err := m.conn.Write(mQuery("select 1")); err != nil {
				r.Error(err)
			}
			m.until('Z')
			most = max(most, time.Since(began))
		}
	}()
	return func() time.Duration { close(stop); return <-longest }
}
