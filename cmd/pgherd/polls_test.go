package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/sql"
)

// polls counts the questions that a node was asked for the sake of reads: the log
// has each one's text.
func (r *rig) polls(id cluster.NodeID, text string) int {
	r.Helper()
	log, err := os.ReadFile(r.cluster.Instance(id).LogFile())
	if err != nil {
		r.Fatal(err)
	}
	first, _, _ := strings.Cut(text, "\n")
	return bytes.Count(log, []byte(first))
}

// Ensure that pgherd asks each node about once a second while nobody needs a
// position, and about once a millisecond, at most, while everybody does.
func TestPollsAreFew(t *testing.T) {
	r := startRig(t, 1, "", pgtest.WithSetting("log_statement", "all"))
	r.awaitStreaming()
	r.mustPSQL("bench", "CREATE TABLE polled (id int PRIMARY KEY, n int)")
	r.mustPSQL("bench", "INSERT INTO polled SELECT i, 0 FROM generate_series(0, 3) i")
	questions := []struct {
		node cluster.NodeID
		text string
		idle int // in a second, at most
	}{{0, sql.Position, 2}, {1, sql.StandbyPosition, 2}, {0, sql.Running, 0}, {1, sql.Finished, 0}}
	for _, busy := range []bool{false, true} {
		before := make([]int, len(questions))
		for i, q := range questions {
			before[i] = r.polls(q.node, q.text)
		}
		began := time.Now()
		if busy {
			r.alternate(4, func() bool {
				for i, q := range questions {
					if q.text != sql.Finished && r.polls(q.node, q.text)-before[i] < 20 {
						return false
					}
				}
				return time.Since(began) > time.Second
			})
		} else {
			time.Sleep(2 * time.Second) // idleness has a length
		}
		length := time.Since(began)
		for i, q := range questions {
			n, most := r.polls(q.node, q.text)-before[i], q.idle*int(math.Ceil(length.Seconds()))
			if busy {
				most = int(length/time.Millisecond) + 2
			}
			t.Logf("busy %v: node %d was asked %d times in %v: %.60s", busy, q.node, n, length, q.text)
			if n > most {
				t.Errorf("want at most %d", most)
			}
		}
	}
}

// alternate has clients write and read by turns, until it is enough.
func (r *rig) alternate(clients int, enough func() bool) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for id := range clients {
		wg.Go(func() {
			if err := r.alternateOne(ctx, id); err != nil && ctx.Err() == nil {
				r.Error(err)
			}
		})
	}
	pgtest.Await(r, 20*time.Second, "all questions to be asked", enough)
}

func (r *rig) alternateOne(ctx context.Context, id int) error {
	c, err := r.connect(ctx, "bench", "")
	if err != nil {
		return fmt.Errorf("client %d: %w", id, err)
	}
	defer c.Close(context.Background())
	for {
		if _, err := c.Exec(ctx, "UPDATE polled SET n = n + 1 WHERE id = $1", id); err != nil {
			return err
		}
		if err := c.QueryRow(ctx, "SELECT n FROM polled WHERE id = $1", id).Scan(nil); err != nil {
			return err
		}
	}
}
