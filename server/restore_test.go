package server

import (
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
