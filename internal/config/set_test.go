package config

import (
	"strings"
	"testing"
	"time"
)

func TestWith(t *testing.T) {
	base := mustParse(t, "nodes: [{host: a}]\nmonitor: {user: u}\nstate_dir: /s\nauth: {type: trust}\n")
	next, err := base.With("pool.query_timeout", "7s")
	if err != nil || next.Pool.QueryTimeout != 7*time.Second || base.Pool.QueryTimeout != 0 {
		t.Errorf("%v, %v", next, err)
	}
	next, err = base.With("console.stats_users", "[ann, joe]")
	if err != nil || len(next.Console.StatsUsers) != 2 || len(base.Console.StatsUsers) != 0 {
		t.Errorf("%v, %v", next, err)
	}
	for key, x := range map[string]struct{ value, want string }{
		"pool.size":            {"many", `want a whole number`},
		"pool.max_clients":     {"-1", "pool.max_clients: "},
		"pool.sise":            {"3", "did you mean"},
		"pool":                 {"3", "not a single value"},
		"nodes":                {"3", "not a single value"},
		"nodes.0.weight":       {"3", "nodes is not a section"},
		"pool.size.x":          {"3", "pool.size is not a section"},
		"monitor.password":     {"secret", "only read when pgherd starts"},
		"console.admin_users":  {"ann", "want a list"},
		"routing.catchup_wait": {"7", "catchup_wait"},
		"":                     {"", "unknown key"},
	} {
		if _, err := base.With(key, x.value); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s = %s: %v, want %s", key, x.value, err, x.want)
		}
	}
}
