package layers

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const (
	module     = "github.com/pgherd/pgherd/"
	vocabulary = "internal/cluster"
	testsOnly  = "internal/pgtest"
)

// levels of every package. The vocabulary is below level 0.
func levels() map[string]int {
	byLevel := map[int][]string{
		-1: {vocabulary},
		0:  {"internal/wire", "internal/reactor", "internal/config", "internal/certs", "internal/hba", "internal/host", "internal/corpus", "internal/history", "internal/livesql", "internal/report", "internal/rights", "sqlparse", "sql"},
		1:  {"routing", "internal/pool", "internal/users", "failover", "recovery", "recovery/walreceiver", testsOnly},
		2:  {"server", "admin"},
		3:  {"cmd/pgherd", "internal/layers"},
	}
	of := map[string]int{}
	for level, names := range byLevel {
		for _, name := range names {
			of[name] = level
		}
	}
	return of
}

// mayKnowVocabulary: at level 0, host alone may import the vocabulary; the others
// import nothing of ours.
func mayKnowVocabulary(name string, level int) bool {
	return level > 0 || name == "internal/host"
}

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func TestArrowsGoDown(t *testing.T) {
	level := levels()
	packages := listPackages(t)
	for _, p := range packages {
		if _, known := level[p.name()]; !known {
			t.Errorf("%s has no level: add it to levels", p.name())
			continue
		}
		for _, wrong := range forbidden(p, level) {
			t.Error(wrong)
		}
	}
	if len(packages) < len(level) {
		t.Errorf("go list found %d packages, %d have a level: %v", len(packages), len(level), packages)
	}
}

// forbidden describes the arrows of p that go up or sideways.
func forbidden(p goPackage, level map[string]int) []string {
	var wrong []string
	for _, path := range p.Imports {
		if to, ours := strings.CutPrefix(path, module); ours && !allowed(p.name(), to, level) {
			wrong = append(wrong, p.name()+" imports "+to)
		}
	}
	for _, path := range append(p.TestImports, p.XTestImports...) {
		if to, ours := strings.CutPrefix(path, module); ours && !allowedInTest(p.name(), to, level) {
			wrong = append(wrong, "the tests of "+p.name()+" import "+to)
		}
	}
	return wrong
}

func allowed(from, to string, level map[string]int) bool {
	if to == vocabulary {
		return mayKnowVocabulary(from, level[from])
	}
	return to != testsOnly && level[to] < level[from]
}

func allowedInTest(from, to string, level map[string]int) bool {
	if from != to && pair(from, to) == pair("failover", "recovery") {
		return false
	}
	return to == testsOnly || level[to] <= level[from]
}

// pair is the same for (a, b) and (b, a).
func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// listPackages are the module's own packages among all dependencies, and its
// packages that nobody imports.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		exit := new(exec.ExitError)
		errors.As(err, &exit)
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	var found []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, module) {
			found = append(found, p)
		}
	}
}

// The test of the test: it must see what it is there for.
func TestForbiddenArrowsAreSeen(t *testing.T) {
	for _, c := range []struct {
		from, to      string
		code, inTests bool
	}{
		{"routing", "server", false, false},
		{"failover", "recovery", false, false},
		{"recovery", "failover", false, false},
		{"server", "admin", false, true},
		{"server", "routing", true, true},
		{"server", "internal/pgtest", false, true},
		{"internal/host", "internal/cluster", true, true},
		{"internal/wire", "internal/cluster", false, true},
		{"internal/config", "internal/host", false, true},
		{"cmd/pgherd", "failover", true, true},
		{"admin", "cmd/pgherd", false, false},
	} {
		level := levels()
		if got := len(forbidden(goPackage{ImportPath: module + c.from, Imports: []string{module + c.to}}, level)) == 0; got != c.code {
			t.Errorf("%s imports %s: allowed is %v", c.from, c.to, got)
		}
		if got := len(forbidden(goPackage{ImportPath: module + c.from, XTestImports: []string{module + c.to}}, level)) == 0; got != c.inTests {
			t.Errorf("the tests of %s import %s: allowed is %v", c.from, c.to, got)
		}
	}
}
