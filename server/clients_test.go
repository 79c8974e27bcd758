package server

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pool"
)

// python is the system's: scripts/setup.sh installs the drivers for it.
const python = "/usr/bin/python3"

// Ensure that what applications do with psycopg2 and psycopg 3 works, in both
// modes, with other clients on the same few servers.
func TestPythonClients(t *testing.T) {
	for name, mode := range map[string]config.PoolMode{"session": config.PoolSession, "transaction": config.PoolTransaction} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 0, func(s *Config, p *pool.Config, n *int) { s.Mode, p.Size, *n = mode, 3, 2 })
			for _, script := range []string{"psycopg2_client.py", "psycopg_client.py"} {
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				out, err := exec.CommandContext(ctx, python, "testdata/clients/"+script, r.dsn()).CombinedOutput()
				if err != nil || strings.TrimSpace(string(out)) != "ok" {
					t.Errorf("%s: %v\n%s", script, err, out)
				}
			}
		})
	}
}

// Ensure that psql's own use of the protocol works, a script with everything
// that needs more than questions and answers.
func TestPsqlScript(t *testing.T) {
	r := newRig(t, 0, func(_ *Config, p *pool.Config, _ *int) { p.Size = 2 })
	cmd := exec.Command("psql", r.dsn(), "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-f", "testdata/clients/psql.sql")
	out, err := cmd.CombinedOutput()
	const want = "3\n2\n1|one\n2|two\nb\nyes\n42\n10\n11\n12\nx|text\ny|integer\n"
	if err != nil || string(out) != want {
		t.Errorf("psql: %v\ngot  %q\nwant %q", err, out, want)
	}
}
