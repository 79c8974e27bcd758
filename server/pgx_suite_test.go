package server

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// Ensure that every test of pgx's own suite that passes on PostgreSQL passes
// through the server, too, in both modes over three nodes. What can't is listed with
// its reason. What is wrong is told last, a line for each test: after the long text.
func TestPgxSuite(t *testing.T) {
	var wrong []string
	t.Run("suite", func(t *testing.T) { wrong = tryPgxSuite(t) })
	for _, line := range wrong {
		t.Error(line)
	}
}

// trial is a run of the suite: directly, or through a server.
type trial struct {
	name    string
	rig     *rig              // nil for PostgreSQL itself
	reasons map[string]string // why tests can't pass
	outcome
}

// tryPgxSuite runs all trials side by side, each in its own database: they mostly wait.
func tryPgxSuite(t *testing.T) (wrong []string) {
	suite := startPgxSuite(t)
	on := pgtest.Cluster(t, 2, pgtest.WithSetting("max_connections", "300"))
	on.Exec(0, `create user " tricky, ' } "" \ test user " superuser password 'secret'`)
	direct := newTrial(t, on, "direct")
	trials := []*trial{direct, newTrial(t, on, "session"), newTrial(t, on, "transaction")}
	suite.compiled(t)
	var wg sync.WaitGroup
	for _, one := range trials {
		wg.Go(func() { one.outcome = suite.run(one.dsn(on), hanging(one.reasons)) })
	}
	wg.Wait()
	if len(direct.passed) < 500 {
		t.Fatalf("only %d tests pass without a pooler", len(direct.passed))
	}
	for _, one := range trials[1:] {
		suite.again(t, direct, one, on)
		wrong = append(wrong, compare(t, direct, one)...)
	}
	return wrong
}

func newTrial(t *testing.T, on *pgtest.TestCluster, name string) *trial {
	makePgxDatabase(t, on, name)
	one := &trial{name: name}
	if name == "direct" {
		return one
	}
	one.reasons = readReasons(t, "testdata/pgx-"+name+".txt")
	mode := map[string]config.PoolMode{"session": config.PoolSession, "transaction": config.PoolTransaction}[name]
	one.rig = newRigOn(t, on, func(s *Config, p *pool.Config, n *int) { s.Mode, p.Size, *n = mode, 60, 2 })
	one.rig.reconfigure(func(c *Config) {
		c.Catalogs = CatalogQuery{As: on.Credentials(), Board: one.rig.board, Unlogged: true}
	})
	one.rig.caughtUp()
	return one
}

func makePgxDatabase(t *testing.T, on *pgtest.TestCluster, name string) {
	on.Exec(0, "create database "+name)
	conn, err := on.Connect(t.Context(), 0, name)
	if err == nil {
		_, err = conn.Exec(t.Context(), "create extension hstore; create extension ltree; create domain uint64 as numeric(20,0)")
		_ = conn.Close(t.Context()) // what it did is known
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (one *trial) dsn(on *pgtest.TestCluster) string {
	if one.rig != nil {
		return one.rig.dsn("dbname=" + one.name)
	}
	return fmt.Sprintf("host=%s port=%d user=bench password=bench dbname=%s sslmode=disable", on.Node(0).Host, on.Node(0).Port, one.name)
}

// failed are the tests that pass directly, and here not without a reason.
func (one *trial) failed(direct *trial) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(direct.passed)), func(name string) bool {
		return one.passed[name] || one.reasons[name] != ""
	})
}

// again gives those that failed more chances, with nothing beside them: many watch
// the clock. One that now fails directly, too, proves nothing.
func (s pgxSuite) again(t *testing.T, direct, one *trial, on *pgtest.TestCluster) {
	for range 2 {
		names := one.failed(direct)
		for _, name := range names {
			t.Logf("%s: %s once more, after\n%s", one.name, name, one.output[name])
		}
		s.some(one.outcome, names, one.dsn(on))
	}
	names := one.failed(direct)
	for _, name := range names {
		delete(direct.passed, name)
	}
	s.some(direct.outcome, names, direct.dsn(on))
}

// compare tells of tests that pass directly and fail here without a reason, of
// reasons that no longer hold, and of reads that did not go to standbys.
func compare(t *testing.T, direct, one *trial) (wrong []string) {
	for _, name := range one.failed(direct) {
		t.Logf("%s: %s fails:\n%s", one.name, name, one.output[name])
		wrong = append(wrong, one.name+": "+name+" fails: "+one.gist(name))
	}
	for _, name := range slices.Sorted(maps.Keys(one.reasons)) {
		if one.passed[name] && !strings.HasPrefix(one.reasons[name], "sometimes:") {
			wrong = append(wrong, one.name+": "+name+" passes: strike it from the list")
		}
	}
	reads := one.rig.server.Selects(1) + one.rig.server.Selects(2)
	t.Logf("%s: %d tests passed, %d reads went to standbys", one.name, len(one.passed), reads)
	if one.name == "transaction" && reads < 1000 {
		wrong = append(wrong, fmt.Sprintf("only %d reads went to standbys", reads))
	}
	return wrong
}

// readReasons reads lines of the form "package.Test reason".
func readReasons(t *testing.T, file string) map[string]string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			reasons[name] = reason
		}
	}
	return reasons
}

// hanging are the tests that would never end.
func hanging(reasons map[string]string) (names []string) {
	for name, reason := range reasons {
		if strings.HasPrefix(reason, "hangs:") {
			names = append(names, name)
		}
	}
	return names
}
