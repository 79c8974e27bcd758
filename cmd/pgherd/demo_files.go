package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"text/template"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/cluster"
)

// demoTemplate quotes texts as Go does, which YAML reads for the texts that
// occur: paths and names without control characters.
var demoTemplate = template.Must(template.New("pgherd.yaml").Parse(`# Written by pgherd demo. docs/configuration.md has every key.

# Only programs on this machine can connect.
listen: ["127.0.0.1:{{.Port}}"]

# access: local lets pgherd stop, start and rebuild the nodes, as the owner of
# data_directory.
nodes:
{{- range .Nodes}}
  - {host: {{.Host}}, port: {{.Port}}, data_directory: {{printf "%q" .DataDirectory}}, access: local, application_name: {{.Name}}}
{{- end}}

# What pgherd itself logs in to the nodes with. A superuser, here.
monitor: {user: demo, password: demo, database: postgres}

# FOR THE DEMO ONLY: whoever reaches the port may be any user of users.txt,
# without a password. Elsewhere leave the type out: it is scram-sha-256 then.
# The nodes do ask for passwords; pgherd answers with those of users.txt.
auth: {type: trust, users_file: users.txt}

pool: {mode: transaction, size: 20, max_clients: 1000}

# A session never reads data older than its own writes.
consistency: session

state_dir: state

# psql -d pgpool; these users may command there, and all others look.
console:
  database: pgpool
  admin_users:
{{- range .Roles}}
    - {{printf "%q" .}}
{{- end}}
`))

func demoConfig(port int, nodes []cluster.Node, roles []string) (string, error) {
	var b strings.Builder
	err := demoTemplate.Execute(&b, struct {
		Port  int
		Nodes []cluster.Node
		Roles []string
	}{port, nodes, roles})
	return b.String(), err
}

// usersText is a users_file in which every password is the user's name.
func usersText(roles []string) string {
	var b strings.Builder
	b.WriteString("; written by pgherd demo: every password is the user's name\n")
	for _, role := range roles {
		quoted := `"` + strings.ReplaceAll(role, `"`, `""`) + `"`
		fmt.Fprintln(&b, quoted, quoted)
	}
	return b.String()
}

// checkOwner refuses a directory of somebody else: pgherd does what the files
// in it say. The default is in a directory where everybody may make one.
func checkOwner(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("--dir: %s is not a directory", dir)
	}
	uid := info.Sys().(*syscall.Stat_t).Uid
	if int(uid) == os.Getuid() || os.Getuid() == 0 && isServersUser(uid) {
		return nil
	}
	return fmt.Errorf("--dir: %s belongs to another user (number %d): choose another directory", dir, uid)
}

func isServersUser(uid uint32) bool {
	u, err := user.Lookup(serversUser)
	return err == nil && u.Uid == strconv.FormatUint(uint64(uid), 10)
}

// openLog appends. A link is not followed: the directory may be another user's.
func openLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o644)
}

// teeLogger shows warnings and errors, and keeps everything from info on.
func teeLogger(screen, file io.Writer) hclog.Logger {
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "pgherd", Level: hclog.Warn, Output: screen})
	log.RegisterSink(hclog.NewSinkAdapter(&hclog.LoggerOptions{Name: "pgherd", Level: hclog.Info, Output: file}))
	return log
}
