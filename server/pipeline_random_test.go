package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// namer makes batches that give statements to few names, and fail often.
type namer struct {
	*rand.Rand
	said []string
}

func (d *namer) pick(of ...string) string { return of[d.IntN(len(of))] }

func (d *namer) frames() (string, []byte) {
	name, sql := d.pick("", "", "a", "b", "c"), d.pick("select 1", "select 2", "select 3", "selec", "select 1/0")
	switch d.IntN(12) {
	case 0, 1, 2:
		return "Parse " + name + " " + sql, mParse(name, sql)
	case 3, 4, 5, 6:
		return "run " + name, run(name)
	case 7:
		return "Describe " + name, mDescribe('S', name)
	case 8, 9:
		return "Close " + name, mClose('S', name)
	case 10:
		return "one", join(mParse("", sql), run(""))
	}
	return "failure", mBind("", "no such")
}

func (d *namer) batch() (all []byte) {
	if d.IntN(6) == 0 {
		sql := d.pick("select 4", "execute b", "prepare a as select 5", "deallocate a", "deallocate all", "begin", "rollback")
		d.said = append(d.said, "Query "+sql)
		return mQuery(sql)
	}
	for range d.IntN(5) {
		said, frames := d.frames()
		d.said, all = append(d.said, said), append(all, frames...)
	}
	d.said = append(d.said, "Sync")
	return append(all, mSync()...)
}

// Ensure that pipelines that name statements, and fail, are answered as PostgreSQL
// answers them.
func TestRandomNames(t *testing.T) {
	for name, mode := range map[string]config.PoolMode{"transaction": config.PoolTransaction, "session": config.PoolSession} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
				s.Auth, s.Mode, p.Size, s.MaxPrepared = config.AuthTrust, mode, 2, 2
			})
			seed := pgtest.Seed(t)
			d := &namer{Rand: rand.New(rand.NewPCG(seed, 0))}
			all := []*twin{newTwin(r, "bench", nil), newTwin(r, "bench", nil)}
			for range 1500 {
				w := all[d.IntN(len(all))]
				d.said = append(d.said, fmt.Sprintf("-- %p", w))
				var send []byte
				for range 1 + d.IntN(6) {
					send = append(send, d.batch()...)
				}
				n := countBatches(send)
				w.pooled.send(send)
				w.direct.send(send)
				if got, want := w.pooled.answers(n), w.direct.answers(n); got != want {
					t.Fatalf("got  %s\nwant %s\nof\n%s", got, want, strings.Join(d.said[max(0, len(d.said)-100):], "\n"))
				}
			}
		})
	}
}
