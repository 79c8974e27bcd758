package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// pgxPackages are those of pgx whose tests talk to a server, and their binaries.
var pgxPackages = map[string]string{
	".": "pgx.test", "pgconn": "pgconn.test", "pgxpool": "pgxpool.test",
	"pgtype": "pgtype.test", "pgtype/zeronull": "zeronull.test", "stdlib": "stdlib.test",
}

// pgxSuite is pgx's source, and its tests.
type pgxSuite struct {
	dir     string
	compile *exec.Cmd
	said    *bytes.Buffer
}

// startPgxSuite begins to compile the suite. It is copied: the module cache is
// read-only, and not the main module.
func startPgxSuite(t *testing.T) pgxSuite {
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/jackc/pgx/v5").Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	s := pgxSuite{dir: filepath.Join(t.TempDir(), "pgx"), said: &bytes.Buffer{}}
	if err == nil {
		err = os.CopyFS(s.dir, os.DirFS(module.Dir))
	}
	if err == nil {
		err = shorten(filepath.Join(s.dir, "conn_test.go"), "range 100_000 {", "range 5_000 {")
	}
	args := []string{"test", "-c", "-trimpath", "-ldflags=-s -w", "-vet=off", "-o", s.dir + "/"}
	for p := range pgxPackages {
		args = append(args, "./"+p)
	}
	s.compile = exec.CommandContext(t.Context(), "go", args...)
	s.compile.Dir, s.compile.Stdout, s.compile.Stderr = s.dir, s.said, s.said
	if err == nil {
		err = s.compile.Start()
	}
	if err != nil {
		t.Fatalf("pgx's source: %v", err)
	}
	return s
}

// shorten is for TestListenNotifyWhileBusyIsSafe: its 100,000 notifications one by one
// took most of the suite's time, and more than a minute on a slow machine.
func shorten(file, from, to string) error {
	text, err := os.ReadFile(file)
	if err == nil && bytes.Count(text, []byte(from)) != 1 {
		err = fmt.Errorf("%s no longer has one %q", file, from)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.Replace(text, []byte(from), []byte(to), 1), 0o644)
}

func (s pgxSuite) compiled(t *testing.T) {
	if err := s.compile.Wait(); err != nil {
		t.Fatalf("compile the tests of pgx: %v\n%s", err, s.said)
	}
}

// outcome is what became of the tests, by "package.Test".
type outcome struct {
	passed map[string]bool
	output map[string]string // of those that failed
}

// run runs all tests but those that hang, the packages side by side as go test does.
func (s pgxSuite) run(dsn string, hang []string) outcome {
	o := outcome{map[string]bool{}, map[string]string{}}
	var mu sync.Mutex // guards o
	var wg sync.WaitGroup
	for p := range pgxPackages {
		wg.Go(func() {
			out := s.test(p, dsn, "-test.timeout", "200s", "-test.skip", pattern(p, hang))
			mu.Lock()
			defer mu.Unlock()
			o.read(p, out)
		})
	}
	wg.Wait()
	return o
}

// some runs these tests, one after the other.
func (s pgxSuite) some(o outcome, names []string, dsn string) {
	for p := range pgxPackages {
		if only := pattern(p, names); only != pattern(p, nil) {
			o.read(p, s.test(p, dsn, "-test.timeout", "60s", "-test.parallel", "1", "-test.run", only))
		}
	}
}

// test looks at what is said only: some tests may fail.
func (s pgxSuite) test(pkg, dsn string, args ...string) []byte {
	cmd := exec.Command(filepath.Join(s.dir, pgxPackages[pkg]), append([]string{"-test.v"}, args...)...)
	cmd.Dir = filepath.Join(s.dir, pkg)
	cmd.Env = append(os.Environ(), "PGX_TEST_DATABASE="+dsn, "PGX_TEST_TCP_CONN_STRING="+dsn)
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		return []byte("panic: " + err.Error())
	}
	return out
}

// pattern matches the tests of a package among names, which are "package.Test"; the
// package may be ".".
func pattern(pkg string, names []string) string {
	tests := []string{"NoSuchTest"}
	for _, name := range names {
		if dot := strings.LastIndexByte(name, '.'); name[:dot] == pkg {
			tests = append(tests, name[dot+1:])
		}
	}
	return "^(" + strings.Join(tests, "|") + ")$"
}

var (
	turns   = regexp.MustCompile(`^=== (?:RUN|CONT|NAME|PAUSE)\s+([^/\s]+)`)
	verdict = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+)`)
)

// read takes the output of a test binary apart. Tests that run in parallel take turns
// to speak, and go on below their verdicts. A panic ends them all, and is told as its
// package's output.
func (o outcome) read(pkg string, out []byte) {
	text, panicked, _ := strings.Cut("\n"+string(out), "\npanic:")
	o.output[pkg] = head(panicked, 12) // a stack of each goroutine comes then
	said := map[string]string{}
	speaker := ""
	for line := range strings.Lines(text) {
		if m := turns.FindStringSubmatch(line); m != nil {
			speaker = m[1]
		} else if m := verdict.FindStringSubmatch(line); m != nil {
			speaker = m[2]
			if m[1] == "PASS" {
				o.passed[pkg+"."+speaker] = true
			}
		} else {
			said[speaker] += line
		}
	}
	for test, text := range said {
		o.output[pkg+"."+test] = head(text, 60)
	}
}

func head(text string, lines int) string {
	all := strings.SplitAfterN(text, "\n", lines+1)
	return strings.Join(all[:min(len(all), lines)], "")
}

// cause is what follows "Error:" in the words of testify.
var cause = regexp.MustCompile(`(?s)Error:\s+(.+?)\s*(?:Test:|Messages:|$)`)

// gist is what a failed test has said, in one short line.
func (o outcome) gist(name string) string {
	text := o.output[name]
	if m := cause.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	if dot := strings.LastIndexByte(name, '.'); strings.TrimSpace(text) == "" {
		text = "no verdict. " + o.output[name[:dot]]
	}
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 300)]
}

// Ensure that the words of tests that run in parallel are told apart, and that a panic
// is the answer of tests without a verdict.
func TestPgxOutcome(t *testing.T) {
	o := outcome{map[string]bool{}, map[string]string{}}
	o.read("pgconn", []byte(`=== RUN   TestA
=== PAUSE TestA
=== RUN   TestB/sub
    b_test.go:1: words of B
=== NAME  TestA
    a_test.go:7:
        	Error Trace:	a_test.go:7
        	Error:      	Received unexpected error:
        	            	timeout
        	Test:       	TestA
--- FAIL: TestA (1.00s)
=== NAME  TestB
    b_test.go:2: `+strings.Repeat("x", 1<<20)+`
--- PASS: TestB (1.00s)
=== RUN   TestC
panic: test timed out after 3m20s
	running tests:
		TestC (1m0s)
`))
	if o.passed["pgconn.TestA"] || !o.passed["pgconn.TestB"] || o.passed["pgconn.TestC"] {
		t.Errorf("passed: %v", o.passed)
	}
	for name, want := range map[string]string{
		"pgconn.TestA": "Received unexpected error: timeout",
		"pgconn.TestC": "no verdict. test timed out after 3m20s running tests: TestC (1m0s)",
	} {
		if got := o.gist(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
