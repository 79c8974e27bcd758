//go:build !race

package server

import (
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that the steady relay path allocates nothing per statement.
func TestRelayAllocates(t *testing.T) {
	prepared := join(mParse("statement", "select 1"), mSync())
	executed := join(mBind("", "statement"), mDescribe('P', ""), mExecute("", 0), mSync())
	for _, c := range []struct {
		name     string
		mode     config.PoolMode
		standbys int
		setup    []byte
		send     []byte
	}{
		{"simple", config.PoolTransaction, 0, nil, mQuery("select 1")},
		{"extended", config.PoolTransaction, 0, nil, join(one("select 1"), mSync())},
		{"prepared", config.PoolTransaction, 0, prepared, executed},
		{"prepared, in session mode", config.PoolSession, 0, prepared, executed},
		{"transaction", config.PoolTransaction, 0, nil, join(mQuery("begin"), mQuery("select 1"), mQuery("commit"))},
		{"simple, with a standby", config.PoolTransaction, 1, nil, mQuery("select 1")},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.standbys, func(s *Config, _ *pool.Config, _ *int) { s.Auth, s.Mode = config.AuthTrust, c.mode })
			client := r.raw()
			if c.setup != nil {
				client.send(c.setup)
				client.until('Z')
			}
			if n := mallocs(client, c.send, 5000); n > 0.1 && c.standbys == 0 {
				t.Errorf("%.2f allocations per round", n)
			} else {
				t.Logf("%.2f allocations per round", n)
			}
		})
	}
}

// Ensure that timeouts cost a statement no allocation either, sweeps included.
func TestTimeoutsAllocate(t *testing.T) {
	minute := time.Minute
	r := newRig(t, 0, func(s *Config, _ *pool.Config, _ *int) {
		s.Auth = config.AuthTrust
		s.Profile = func(string, string) Profile {
			return Profile{QueryTimeout: time.Second, TransactionTimeout: minute, IdleTransactionTimeout: minute, ClientIdleTimeout: minute}
		}
	})
	if n := mallocs(r.raw(), mQuery("select 1"), 5000); n > 0.1 {
		t.Errorf("%.2f allocations per round", n)
	}
}

// mallocs sends the same n times and counts the allocations of the whole process
// for each. The length of the answer is measured first.
func mallocs(c *raw, send []byte, n int) float64 {
	c.send(send)
	size := 0
	for want := max(1, countQueries(send)); want > 0; {
		typ, body, err := c.frame()
		if err != nil {
			c.t.Fatal(err)
		}
		if size += 5 + len(body); typ == 'Z' {
			want--
		}
	}
	answer := make([]byte, size)
	round := func() {
		if _, err := c.conn.Write(send); err != nil {
			c.t.Fatal(err)
		}
		if _, err := io.ReadFull(c.conn, answer); err != nil {
			c.t.Fatal(err)
		}
	}
	for range 500 {
		round()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		round()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n)
}

func countQueries(b []byte) (n int) {
	for len(b) > 0 {
		size := int(b[1])<<24 | int(b[2])<<16 | int(b[3])<<8 | int(b[4])
		if b[0] == 'Q' {
			n++
		}
		b = b[1+size:]
	}
	return n
}
