package failover

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

func TestOutcome(t *testing.T) {
	cases := []struct {
		err  error
		want Outcome
	}{
		{nil, Alive},
		{&pgconn.PgError{Code: "57P03"}, Starting},
		{&pgconn.PgError{Code: "57P01"}, Broken},
		{&pgconn.PgError{Code: "28P01"}, Rejected},
		{&pgconn.PgError{Code: "53300"}, Rejected},
		{fmt.Errorf("probe: %w", context.DeadlineExceeded), Silent},
		{io.ErrUnexpectedEOF, Broken},
		{fmt.Errorf("dial: %w", os.NewSyscallError("socket", syscall.EMFILE)), Unknown},
	}
	for _, c := range cases {
		if got := outcome(c.err); got != c.want {
			t.Errorf("outcome(%v) is %v, want %v", c.err, got, c.want)
		}
	}
}

// Real sockets: nobody there, somebody who says nothing, somebody who hangs up.
func TestProbeOfStrangers(t *testing.T) {
	silent, rude := listener(t), listener(t)
	go hangUpOnEverybody(rude)
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	cases := []struct {
		port    int
		timeout time.Duration
		want    Outcome
	}{{pgtest.FreePort(t), time.Minute, Refused}, {port(silent), 100 * time.Millisecond, Silent}, {port(rude), time.Minute, Broken}}
	for _, c := range cases {
		node := cluster.Node{Host: "127.0.0.1", Port: c.port}
		config := Config{HealthCheck: HealthCheck{Timeout: c.timeout}}.withDefaults()
		m := newMonitor(node, config, nil, nil)
		if r := m.probe(t.Context()); r.Outcome != c.want || r.Detail == "" {
			t.Errorf("got %v (%s), want %v", r.Outcome, r.Detail, c.want)
		}
	}
}

func listener(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func hangUpOnEverybody(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.Close()
	}
}

func TestPause(t *testing.T) {
	c := Config{HealthCheck: HealthCheck{MaxRetries: 2}}.withDefaults().HealthCheck
	cases := []struct {
		o        Outcome
		failures int
		want     time.Duration
	}{
		{Alive, 0, c.Period},
		{Refused, 1, secondSight},
		{Refused, 2, c.RetryDelay},
		{Silent, 1, c.RetryDelay},
		{Silent, 3, c.Period},
	}
	for _, x := range cases {
		if got := pause(x.o, x.failures, c); got != x.want {
			t.Errorf("pause(%v, %d) is %v, want %v", x.o, x.failures, got, x.want)
		}
	}
}

// What a hung node costs with the defaults: the sum that HealthCheck tells.
func TestPatienceWithSilence(t *testing.T) {
	c := Config{HealthCheck: HealthCheck{MaxRetries: 2}}.withDefaults().HealthCheck
	sum, limit, began := c.Period, patience(Alive, 0, c), epochStart
	n := NodeView{}
	for failures := 1; !n.dead(Config{HealthCheck: c}, began); failures++ {
		n.note(Report{Began: began, Outcome: Silent}, began.Add(limit))
		sum += limit
		if limit = patience(Silent, failures, c); !n.dead(Config{HealthCheck: c}, began) {
			sum += pause(Silent, failures, c)
		}
	}
	told := c.Period + c.Timeout/2 + time.Duration(c.MaxRetries)*(c.RetryDelay+c.Timeout/4)
	if sum != told || sum != silence {
		t.Errorf("a silent node is given up after %v, HealthCheck says %v", sum, told)
	}
	if limit != c.Timeout {
		t.Errorf("a node that was given up has %v to answer", limit)
	}
	for _, o := range []Outcome{Refused, Broken, Starting} {
		if got := patience(o, 1, c); got != c.Timeout {
			t.Errorf("after %v the next probe has %v", o, got)
		}
	}
	if got := patience(Alive, 0, HealthCheck{Timeout: time.Second}); got != time.Second {
		t.Errorf("without retries a probe has %v", got)
	}
}

func TestAlarm(t *testing.T) {
	var a alarm
	a.ring(true)
	began := time.Now()
	a.rest(t.Context(), time.Minute, func(ctx context.Context) { <-ctx.Done() })
	if time.Since(began) > 30*time.Second {
		t.Error("a ring before the rest did not cut it short")
	}
	if !a.suspected() || a.suspected() {
		t.Error("a suspicion is told once")
	}
}
