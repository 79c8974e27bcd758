package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// etc is a folder /etc/pgherd and an environment that exist only in tests.
func etc() surroundings {
	env := map[string]string{"MONITOR_PASSWORD": "from the environment"}
	files := map[string]string{
		"/etc/pgherd/monitor.password": "from a file\r\n",
		"/etc/pgherd/two.lines":        "one\ntwo\n",
	}
	return surroundings{
		folder:    "/etc/pgherd",
		lookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		readFile: func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
}

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := parse("test.yaml", []byte(text), etc())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each testdata/*.bad.yaml begins with the errors it gives, one in a comment.
func TestBadFiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { testBadFile(t, path) })
	}
}

func testBadFile(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parse(filepath.Base(path), data, etc())
	if err == nil {
		t.Fatal("no error")
	}
	if want := leadingComments(string(data)); err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if strings.Contains(err.Error(), "hid") {
		t.Error("the error shows a password")
	}
}

func leadingComments(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimSuffix(comment, "\n"))
	}
	return strings.Join(lines, "\n")
}

func TestErrorsAreTyped(t *testing.T) {
	_, err := parse("test.yaml", []byte("loops: -1\npool: {size: x}\n"), etc())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *Error", err)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is not joined", err)
	}
	want := &Error{"test.yaml", 2, "pool.size", `pool.size: want a whole number, found "x"`}
	all := joined.Unwrap()
	if last := all[len(all)-1]; !reflect.DeepEqual(last, want) {
		t.Errorf("got %#v, want %#v", last, want)
	}
}

func TestSmallestFileGivesDefaults(t *testing.T) {
	c, err := Load("testdata/small.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want Config
	want.setDefaults()
	want.Nodes = []Node{{Host: "db1", Port: 5432, SSH: defaultSSH(), Weight: 1, ApplicationName: "node0", SSLMode: SSLPrefer}}
	want.Monitor.User = "pgherd"
	want.Auth.Type = AuthTrust
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got  %+v\nwant %+v", *c, want)
	}
}

func TestWholeCluster(t *testing.T) {
	c, err := Load("testdata/issue.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var want Config
	want.setDefaults()
	want.Nodes = []Node{
		{"127.0.0.1", 15432, "/some/n0", nil, AccessLocal, defaultSSH(), 1, "node0", SSLPrefer, AllowToFailover},
		{"127.0.0.1", 15433, "/some/n1", nil, AccessLocal, defaultSSH(), 2, "node1", SSLPrefer, AllowToFailover},
	}
	want.Monitor = Monitor{User: "bench", Password: NewSecret("bench"), Database: "postgres"}
	want.Auth.UsersFile = filepath.Join(here, "users.txt")
	want.Pool.MaxClients = 5000
	want.StateDir = "/some/dir"
	want.Console.AdminUsers = []string{"bench"}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got  %+v\nwant %+v", *c, want)
	}
}

const least = "nodes: [{host: db1}]\nauth: {type: trust}\nmonitor:\n  user: pgherd\n"

func TestMonitorPassword(t *testing.T) {
	tests := []struct{ line, want string }{
		{``, ""},
		{`password: plain`, "plain"},
		{`password: 0123`, "0123"},
		{`password: ""`, ""},
		{`password: ${MONITOR_PASSWORD}`, "from the environment"},
		{`password: '${MONITOR_PASSWORD}'`, "from the environment"},
		{`password: x${MONITOR_PASSWORD}`, "x${MONITOR_PASSWORD}"},
		{`password: ${1}`, "${1}"},
		{`password: "*a&b!c"`, "*a&b!c"},
		{`password_file: monitor.password`, "from a file"},
		{`password_file: /etc/pgherd/monitor.password`, "from a file"},
	}
	for _, tt := range tests {
		c := mustParse(t, least+"  "+tt.line+"\n")
		if got := c.Monitor.Password.Reveal(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestPasswordFileHoldsOneLine(t *testing.T) {
	_, err := parse("test.yaml", []byte(least+"  password_file: two.lines\n"), etc())
	want := "test.yaml:5: monitor.password_file: /etc/pgherd/two.lines must hold the password on its only line"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	c := mustParse(t, "nodes: [{host: db1}]\nmonitor: {user: u}\nauth: {users_file: ../users.txt}\nstate_dir: state\nlog: {file: log/pgherd.log}\n")
	if c.Auth.UsersFile != "/etc/users.txt" || c.StateDir != "/etc/pgherd/state" || c.Log.File != "/etc/pgherd/log/pgherd.log" {
		t.Errorf("got %q, %q and %q", c.Auth.UsersFile, c.StateDir, c.Log.File)
	}
}

func TestValues(t *testing.T) {
	c := mustParse(t, least+`
listen: ["[::1]:0", ":9999"]
pool: {mode: session, query_wait_timeout: 1m30s, server_idle_timeout: 0, size: "7"}
failover: {auto: off}
recovery: {max_rate: 16MB, keep_old: Yes}
consistency: eventual
log: {level: debug, format: json}
`)
	got := []any{c.Listen[0], c.Pool.Mode, c.Pool.QueryWaitTimeout, c.Pool.ServerIdleTimeout, c.Pool.Size, c.Failover.Auto,
		c.Recovery.MaxRate, c.Recovery.KeepOld, c.Consistency.String(), c.Log.Level.String(), c.Log.Format.String()}
	want := []any{"[::1]:0", PoolSession, 90 * time.Second, time.Duration(0), 7, false,
		Size(16 << 20), true, "eventual", "debug", "json"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestMissingFileSaysWhich(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "testdata/nowhere.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestNodeAddress(t *testing.T) {
	if got := (Node{Host: "::1", Port: 5432}).Address(); got != "[::1]:5432" {
		t.Errorf("got %s", got)
	}
}

// Any bytes give either a Config or errors that say where; never both.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("fuzz.yaml", data, etc())
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v, error %v", c, err)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T is no *Error", err)
		}
		if err == nil && (len(c.Nodes) == 0 || c.Monitor.User == "") {
			t.Fatal("a configuration without nodes or monitor.user was accepted")
		}
	})
}
