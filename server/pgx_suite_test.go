package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/pgtest"
	"github.com/pgherd/pgherd/internal/pool"
)

// pgxPackages are those of pgx whose tests talk to a server.
var pgxPackages = []string{".", "pgconn", "pgxpool", "pgtype", "pgtype/zeronull", "stdlib"}

// Ensure that every test of pgx's own suite that passes on PostgreSQL passes
// through the server, too, in transaction mode over three nodes. What can't is listed
// with its reason.
func TestPgxSuite(t *testing.T) {
	suite := buildPgxSuite(t)
	on := pgtest.Cluster(t, 2, pgtest.WithSetting("max_connections", "200"))
	on.Exec(0, "create extension hstore")
	on.Exec(0, "create extension ltree")
	on.Exec(0, "create domain uint64 as numeric(20,0)")
	on.Exec(0, `create user " tricky, ' } "" \ test user " superuser password 'secret'`)
	direct := suite.run(t, nil, "host="+on.Node(0).Host+" port="+itoa(on.Node(0).Port)+" user=bench password=bench dbname=bench sslmode=disable")
	if len(direct.passed) < 500 {
		t.Fatalf("only %d tests pass without a pooler", len(direct.passed))
	}
	for name, mode := range map[string]config.PoolMode{"session": config.PoolSession, "transaction": config.PoolTransaction} {
		t.Run(name, func(t *testing.T) {
			r := newRigOn(t, on, func(s *Config, p *pool.Config, n *int) { s.Mode, p.Size, *n = mode, 60, 2 })
			r.reconfigure(func(c *Config) {
				c.Catalogs = CatalogQuery{As: on.Credentials(), Board: r.board, Unlogged: true}
			})
			r.caughtUp()
			reasons := readReasons(t, "testdata/pgx-"+name+".txt")
			got := suite.run(t, reasons, r.dsn())
			suite.again(t, direct, got, reasons, r.dsn())
			compare(t, direct, got, reasons)
			if reads := r.server.Selects(1) + r.server.Selects(2); mode == config.PoolTransaction && reads < 1000 {
				t.Errorf("only %d reads went to standbys", reads)
			}
		})
	}
}

// compare reports tests that pass directly and fail here without a reason, and
// reasons that no longer hold.
func compare(t *testing.T, direct, got outcome, reasons map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(direct.passed)) {
		if !got.passed[name] && reasons[name] == "" {
			pkg := packageOf(name)
			t.Errorf("%s fails:\n%s%s", name, got.output[name], got.output[pkg])
		}
	}
	for name, reason := range reasons {
		if got.passed[name] && !strings.HasPrefix(reason, "sometimes:") {
			t.Errorf("%s passes: strike it from the list", name)
		}
	}
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

// pgxSuite is pgx's source with its tests compiled, by package.
type pgxSuite struct {
	dir      string
	binaries map[string]string
}

func buildPgxSuite(t *testing.T) pgxSuite {
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/jackc/pgx/v5").Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil {
		t.Fatalf("go mod download: %v", err)
	}
	s := pgxSuite{dir: filepath.Join(t.TempDir(), "pgx"), binaries: map[string]string{}}
	copySource(t, s.dir, module.Dir)
	for _, p := range pgxPackages {
		s.binaries[p] = filepath.Join(t.TempDir(), "test")
		cmd := exec.Command("go", "test", "-c", "-vet=off", "-o", s.binaries[p], "./"+p)
		cmd.Dir = s.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("compile the tests of pgx/%s: %v\n%s", p, err, out)
		}
	}
	return s
}

// copySource leaves behind that the module cache is read-only.
func copySource(t *testing.T, to, from string) {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, path)
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outcome is what became of the tests, by "package.Test".
type outcome struct {
	passed map[string]bool
	output map[string]string // of those that failed
}

// run runs the packages side by side, as go test does: most of the time they wait.
func (s pgxSuite) run(t *testing.T, reasons map[string]string, dsn string) outcome {
	outputs := make([][]byte, len(pgxPackages))
	var wg sync.WaitGroup
	for i, p := range pgxPackages {
		cmd := exec.Command(s.binaries[p], "-test.v", "-test.timeout", "100s", "-test.skip", hanging(p, reasons))
		cmd.Dir = filepath.Join(s.dir, p)
		cmd.Env = append(os.Environ(), "PGX_TEST_DATABASE="+dsn, "PGX_TEST_TCP_CONN_STRING="+dsn)
		wg.Go(func() { outputs[i], _ = cmd.CombinedOutput() }) // some tests may fail
	}
	wg.Wait()
	all := outcome{map[string]bool{}, map[string]string{}}
	for i, p := range pgxPackages {
		all.read(p, outputs[i])
	}
	return all
}

// again gives those that failed a second chance, alone: many watch the clock, on
// a machine that was busy with all the others.
func (s pgxSuite) again(t *testing.T, direct, got outcome, reasons map[string]string, dsn string) {
	for name := range direct.passed {
		if got.passed[name] || reasons[name] != "" {
			continue
		}
		t.Logf("%s once more, after\n%s", name, got.output[name])
		p := packageOf(name)
		cmd := exec.Command(s.binaries[p], "-test.v", "-test.timeout", "60s", "-test.run", "^"+strings.TrimPrefix(name, p+".")+"$")
		cmd.Dir = filepath.Join(s.dir, p)
		cmd.Env = append(os.Environ(), "PGX_TEST_DATABASE="+dsn, "PGX_TEST_TCP_CONN_STRING="+dsn)
		out, _ := cmd.CombinedOutput() // read looks for the verdict
		got.read(p, out)
	}
}

// packageOf cuts the test from "package.Test"; the package may be ".".
func packageOf(name string) string { return name[:strings.LastIndexByte(name, '.')] }

// hanging is a pattern for the tests of a package that would never end.
func hanging(pkg string, reasons map[string]string) string {
	names := []string{"NoSuchTest"}
	for name, reason := range reasons {
		if test, ok := strings.CutPrefix(name, pkg+"."); ok && strings.HasPrefix(reason, "hangs:") {
			names = append(names, test)
		}
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

var verdict = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+)`)

// read takes the output of a test binary apart: what a test says comes in front
// of its verdict.
func (o outcome) read(pkg string, out []byte) {
	var said []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		m := verdict.FindStringSubmatch(lines.Text())
		switch {
		case m == nil && strings.HasPrefix(lines.Text(), " "):
			said = append(said, lines.Text())
			continue
		case m == nil && !strings.HasPrefix(lines.Text(), "panic:"):
			continue
		case m == nil:
			o.output[pkg] = lines.Text()
		case m[1] == "PASS":
			o.passed[pkg+"."+m[2]] = true
		default:
			o.output[pkg+"."+m[2]] = strings.Join(said, "\n")
		}
		said = nil
	}
}
