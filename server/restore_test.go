package server

import (
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that RESET goes back to what the client's start-up packet says, and a SET behind it
// counts, whether or not the words before it in the batch tell what they come to.
func TestResetInABatch(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 2 })
	for _, reset := range []string{"reset datestyle", "reset all", "set datestyle to default"} {
		for _, batch := range [][2]string{{"set datestyle = german", reset}, {"set datestyle = 'sql, dmy'", reset}, {reset, "set datestyle = 'iso, mdy'"}} {
			w := newTwin(r, "bench", []string{"DateStyle", "German"})
			w.step(t, "pipeline: "+batch[0]+" ;; "+batch[1], join(one(batch[0]), one(batch[1]), mSync()))
			w.step(t, "show datestyle", mQuery("show datestyle"))
			w.step(t, "query", mQuery(batch[0]+"; "+batch[1]))
			w.step(t, "show datestyle", mQuery("show datestyle"))
		}
	}
}

// Ensure that the same holds behind an EXECUTE that sets something.
func TestResetBehindExecute(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 2 })
	w := newTwin(r, "bench", []string{"TimeZone", "Asia/Tokyo"})
	w.step(t, "prepare", join(mParse("p", "set time zone 'Europe/Vienna'"), mSync()))
	w.step(t, "pipeline", join(one("execute p"), one("set timezone to default"), mSync()))
	w.step(t, "show timezone", mQuery("show timezone"))
}

// Ensure that what is set by the EXECUTE of a name that its own batch has prepared is kept.
func TestExecuteInThePreparingBatch(t *testing.T) {
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) { s.Auth, p.Size = config.AuthTrust, 1 })
	c, other := r.raw(), r.raw()
	const prepare, execute, show = "prepare p as select set_config('my.own', 'kept', false)", "execute p", "select coalesce(current_setting('my.own', true), '')"
	for _, send := range [][]byte{join(one(prepare), one(execute), mSync()), mQuery("deallocate p; set my.own = ''"), mQuery("prepare p as select 1; deallocate p; " + prepare + "; " + execute)} {
		c.send(send)
		if got := c.until('Z'); strings.Contains(got, "E:") {
			t.Fatal(got)
		}
		want := "kept"
		if strings.Contains(string(send), "set my.own") {
			want = ""
		}
		other.do(show, "T D: C:SELECT_1 Z:I")
		c.do(show, "T D:"+want+" C:SELECT_1 Z:I")
	}
}
