package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	examplePath = "../../pgherd.example.yaml"
	docsPath    = "../../docs/configuration.md"
)

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func allKeys() []string { return keys(reflect.TypeFor[Config](), "") }

// The example works as it stands, and shows the defaults.
func TestExampleShowsDefaults(t *testing.T) {
	got, err := Load(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	var want Config
	want.setDefaults()
	want.Monitor.User = "pgherd"
	want.Nodes, want.Auth.UsersFile = got.Nodes, got.Auth.UsersFile
	want.Databases, want.Users = got.Databases, got.Users
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
	if first := got.Nodes[0]; !reflect.DeepEqual(first, Node{"10.0.0.10", 5432, first.DataDirectory, []string{}, AccessNone, defaultSSH(), 1, "node0", SSLPrefer, AllowToFailover}) {
		t.Errorf("node 0 does not show the defaults: %+v", first)
	}
}

// Each key that is commented out works when it is not.
func TestExampleUncommented(t *testing.T) {
	text := readText(t, examplePath)
	around := etc()
	around.lookupEnv = func(name string) (string, bool) { return name, true }
	commented := regexp.MustCompile(`(?m)^  # (password\w*:)`)
	all := commented.FindAllStringSubmatchIndex(text, -1)
	if len(all) != 2 {
		t.Fatalf("%d keys are commented out, want 2", len(all))
	}
	for _, at := range all {
		one := text[:at[0]] + "  " + text[at[2]:]
		c, err := parse(examplePath, []byte(one), around)
		if err != nil {
			t.Fatal(err)
		}
		if c.Monitor.Password.IsZero() {
			t.Errorf("%s gives no password", text[at[2]:at[3]])
		}
	}
}

func TestExampleHasEveryKey(t *testing.T) {
	r := &report{file: examplePath, lines: make(map[string]int)}
	text := regexp.MustCompile(`(?m)^  # (password\w*:)`).ReplaceAllString(readText(t, examplePath), "  $1")
	root, ok := r.tree([]byte(text))
	if !ok {
		t.Fatal(r.err())
	}
	decoder{r}.value(root, reflect.ValueOf(new(Config)).Elem(), "")
	for _, key := range allKeys() {
		if !r.has(strings.NewReplacer("[]", "[0]", "databases.NAME", "databases.reports", "users.NAME", "users.batch").Replace(key)) {
			t.Errorf("%s is missing", key)
		}
	}
}

// The reference has a row for every key, with the default that the code has,
// and none for keys that do not exist.
func TestReferenceIsComplete(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]+\\| ([^|]+) \\|")
	documented := make(map[string]string)
	for _, m := range row.FindAllStringSubmatch(readText(t, docsPath), -1) {
		documented[m[1]] = m[2]
	}
	for _, key := range allKeys() {
		if got, want := documented[key], documentedDefault(t, key); got != want {
			t.Errorf("%s: the reference gives the default as %q, want %q", key, got, want)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("%s: no such key", key)
	}
}

func documentedDefault(t *testing.T, key string) string {
	switch key {
	case "nodes[].host", "monitor.user", "auth.users_file":
		return "*required*"
	case "nodes[].application_name":
		return "`node` and the number"
	case "nodes[].ssh.host":
		return "that of the node"
	case "nodes[].sslmode":
		return "that of `tls.server`"
	}
	text := defaultText(find(t, key))
	if text == "" {
		return "none"
	}
	return "`" + text + "`"
}

// find is the default of a key.
func find(t *testing.T, key string) reflect.Value {
	t.Helper()
	var c Config
	c.setDefaults()
	v := reflect.ValueOf(&c).Elem()
	if rest, ok := strings.CutPrefix(key, "nodes[]."); ok {
		var n Node
		n.setDefaults()
		v, key = reflect.ValueOf(&n).Elem(), rest
	}
	if rest, ok := strings.CutPrefix(key, "databases.NAME."); ok {
		v, key = reflect.ValueOf(&Database{}).Elem(), rest
	}
	if rest, ok := strings.CutPrefix(key, "users.NAME."); ok {
		v, key = reflect.ValueOf(&User{}).Elem(), rest
	}
	for name := range strings.SplitSeq(key, ".") {
		s := section{fields: fieldsOf(v)}
		v = s.field(name).value
	}
	return v
}

func defaultText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		return "" // what the general section says
	}
	switch value := v.Interface().(type) {
	case Secret:
		return value.Reveal()
	case []string:
		if len(value) == 0 {
			return "[]"
		}
		return `["` + strings.Join(value, `", "`) + `"]`
	case time.Duration:
		if value >= time.Second {
			return fmt.Sprintf("%ds", value/time.Second)
		}
		return value.String()
	default:
		return fmt.Sprint(value)
	}
}

// The reference says what a reload does not change.
func TestDocsOfRestart(t *testing.T) {
	sentence := regexp.MustCompile(`a mistake changes nothing\..*with the next start`).FindString(readText(t, docsPath))
	for _, key := range restart() {
		if !strings.Contains(sentence, "`"+key+"`") {
			t.Errorf("%s is not said to need a restart", key)
		}
	}
}
