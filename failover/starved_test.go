package failover

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// starve takes all descriptors that the process may open, and those that it closes.
func starve(t *testing.T) (feed func()) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	highest, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: uint64(highest.Fd()) + 8, Max: before.Max}
	highest.Close()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	enough, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		hoard(enough)
	}()
	return func() {
		close(enough)
		<-done
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
}

func hoard(enough <-chan struct{}) {
	for {
		select {
		case <-enough:
			return
		default:
		}
		if f, err := os.Open(os.DevNull); err == nil {
			defer f.Close()
		} else {
			runtime.Gosched()
		}
	}
}

// Ensure that nobody fails over because pgherd itself has run out of descriptors,
// however loudly sessions suspect the node that they can't connect to, and that a node
// that fails meanwhile is found out as soon as there are some.
func TestPrimaryOfTheStarved(t *testing.T) {
	r := newRig(t, 1)
	r.write(0, 1)
	feed := starve(t)
	for range 30 { // each has the monitors connect anew
		r.engine.Suspect(0, syscall.EMFILE)
		r.engine.Suspect(1, syscall.EMFILE)
		time.Sleep(50 * time.Millisecond)
	}
	s := r.board.Current()
	feed()
	if s.Writable() != 0 || s.Epoch != 1 || s.Nodes[1].Status != cluster.Up {
		t.Errorf("without descriptors: %s", describe(s))
	}
	r.pg.Kill(0)
	r.await("a new primary", func(s *cluster.Snapshot) bool { return s.Writable() == 1 })
}
