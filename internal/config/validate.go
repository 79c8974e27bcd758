package config

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// validator checks values that have the right type. Numbers are compared with
// their limits here; what PostgreSQL or the kernel decides is left to them.
type validator struct {
	*report
}

func (v validator) config(c *Config) {
	v.listen(c.Listen)
	v.nodes(c.Nodes)
	v.monitor(c.Monitor)
	v.auth(c.Auth)
	v.tls(c)
	v.pool(c.Pool)
	v.databases(c.Databases)
	v.users(c.Users)
	v.tcp(c.TCP)
	v.notEmpty("state_dir", c.StateDir)
	v.console(c.Console)
	v.healthCheck(c.HealthCheck)
	v.failover(c.Failover)
	v.recovery(c.Recovery)
	v.routing(c.Routing, len(c.Nodes))
	between(v, "loops", c.Loops, 0, 1024)
}

func (v validator) listen(addresses []string) {
	if len(addresses) == 0 {
		v.failf("listen", "give at least one host:port")
	}
	unique := v.unique()
	for i, a := range addresses {
		key := fmt.Sprintf("listen[%d]", i)
		v.listenAddress(key, a)
		unique(key, a)
	}
}

func (v validator) listenAddress(key, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		v.failf(key, "want host:port as 127.0.0.1:9999, [::1]:9999 or /run/postgresql:9999, found %q", address)
		return
	}
	if strings.HasPrefix(host, "/") {
		v.socket(key, host, port)
		return
	}
	if host == "*" {
		v.failf(key, `want host:port, found %q; ":%s" listens on all addresses`, address, port)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		v.failf(key, "port %q is not between 0 and 65535", port)
	}
}

func (v validator) monitor(m Monitor) {
	v.required("monitor.user", m.User, "the user that pgherd logs in to the nodes as")
	v.notEmpty("monitor.database", m.Database)
	if v.has("monitor.password_file") {
		v.notEmpty("monitor.password_file", m.PasswordFile)
	}
}

func (v validator) console(c Console) {
	v.notEmpty("console.database", c.Database)
	v.userList("console.admin_users", c.AdminUsers)
	v.userList("console.stats_users", c.StatsUsers)
}

func (v validator) userList(list string, users []string) {
	unique := v.unique()
	for i, user := range users {
		key := fmt.Sprintf("%s[%d]", list, i)
		v.notEmpty(key, user)
		unique(key, user)
	}
}

func (v validator) healthCheck(h HealthCheck) {
	atLeast(v, "health_check.period", h.Period, 10*time.Millisecond)
	atLeast(v, "health_check.timeout", h.Timeout, 10*time.Millisecond)
	atLeast(v, "health_check.max_retries", h.MaxRetries, 0)
	atLeast(v, "health_check.retry_delay", h.RetryDelay, 0)
}

func (v validator) failover(f Failover) {
	atLeast(v, "failover.timeout", f.Timeout, time.Second)
	atLeast(v, "failover.switchover_timeout", f.SwitchoverTimeout, time.Second)
	atLeast(v, "failover.catchup_timeout", f.CatchupTimeout, time.Millisecond)
	atLeast(v, "failover.auto_failback_interval", f.AutoFailbackInterval, 0)
	atLeast(v, "failover.command_timeout", f.CommandTimeout, time.Millisecond)
	v.command("failover.failover_command", f.FailoverCommand)
	v.command("failover.failback_command", f.FailbackCommand)
	v.command("failover.follow_primary_command", f.FollowPrimaryCommand)
}

// placeholders of the commands: Pgpool-II's letters.
const placeholders = "dhpDmHMPrRNS%"

func (v validator) command(key, text string) {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			continue
		}
		if i++; i == len(text) || !strings.Contains(placeholders, text[i:i+1]) {
			v.failf(key, "%q is no placeholder; there are %%d %%h %%p %%D %%m %%H %%M %%P %%r %%R %%N %%S and %%%%", text[i-1:min(i+1, len(text))])
		}
	}
}

// BASE_BACKUP takes MAX_RATE in kB, from 32 kB to 1 GB a second.
func (v validator) recovery(r Recovery) {
	atLeast(v, "recovery.timeout", r.Timeout, time.Second)
	if r.MaxRate != 0 {
		between(v, "recovery.max_rate", r.MaxRate, 32<<10, 1<<30)
	}
	v.absolute("recovery.archive_dir", r.ArchiveDir)
	v.notEmpty("recovery.recovery_database", r.Database)
	v.script("recovery.recovery_1st_stage_command", r.FirstStage)
	v.script("recovery.recovery_2nd_stage_command", r.SecondStage)
	if r.FirstStage == "" && r.SecondStage != "" {
		v.failf("recovery.recovery_2nd_stage_command", "needs recovery.recovery_1st_stage_command")
	}
	if r.User == "" && !r.Password.IsZero() {
		v.failf("recovery.recovery_password", "needs recovery.recovery_user")
	}
	atLeast(v, "recovery.client_idle_limit_in_recovery", r.ClientIdleLimit, -1)
}

// script is a file in a data directory, as Pgpool-II names it.
func (v validator) script(key, name string) {
	if strings.Contains(name, "/") || name == "." || name == ".." {
		v.failf(key, "want the name of a file in the primary's data directory, without a path, found %q", name)
	}
}

// required is for keys without a default.
func (v validator) required(key, text, what string) {
	switch {
	case v.failed(key):
	case !v.has(key):
		v.failf(key, "missing; give %s", what)
	default:
		v.notEmpty(key, text)
	}
}

// notEmpty says nothing where a mistake is in the report already.
func (v validator) notEmpty(key, text string) {
	if strings.TrimSpace(text) == "" && !v.failed(key) {
		v.failf(key, "must not be empty")
	}
}

func (v validator) absolute(key, path string) {
	if path != "" && !filepath.IsAbs(path) {
		v.failf(key, "want an absolute path, found %q", path)
	}
}

// unique gives a function that records the values it is called with a second
// time.
func (v validator) unique() func(key, value string) {
	seen := make(map[string]string)
	return func(key, value string) {
		if first, ok := seen[value]; ok {
			v.failf(key, "%q is also %s (line %d)", value, first, v.line(first))
			return
		}
		seen[value] = key
	}
}

func atLeast[T cmp.Ordered](v validator, key string, value, least T) {
	if value < least {
		v.failf(key, "%v is too small; the least is %v", value, least)
	}
}

func between[T cmp.Ordered](v validator, key string, value, least, most T) {
	if !(value >= least && value <= most) { // also refuses NaN
		v.failf(key, "%v is not between %v and %v", value, least, most)
	}
}
