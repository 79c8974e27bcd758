package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/pgtest"
)

// authConfig replaces section auth of a configuration file, and adds files.
func authConfig(t *testing.T, path, auth string, files map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "auth: {type: scram-sha-256, users_file: users.txt}", auth, 1)
	if changed == string(text) {
		t.Fatal("there was no section auth to replace")
	}
	files[filepath.Base(path)] = changed
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// psqlAs runs one statement as another user.
func (r *rig) psqlAs(user, password, command string) string {
	cmd := exec.Command("psql", "-X", "-At", "-w", "host="+r.host+" port="+r.port+" dbname=bench user="+user, "-c", command)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, _ := cmd.CombinedOutput() // the error is in the text
	return strings.TrimSpace(string(out))
}

// Nobody is in a users file: an HBA file decides, the nodes know the secrets,
// and no password is stored anywhere but on the nodes.
func TestUsersOfTheNodes(t *testing.T) {
	pgtest.Leaks(t)
	r := &rig{T: t, cluster: pgtest.Cluster(t, 1), log: &logTail{}}
	r.serve(authConfig(t, r.writeConfig(""), "auth: {type: hba, hba_file: pg_hba.conf, query_user: bench}",
		map[string]string{"pg_hba.conf": "# who comes in\nhost bench app,other all scram-sha-256\nhost all mallory all reject\n"}))
	r.awaitPrimary(cluster.NoNode)
	r.cluster.Exec(0, "CREATE ROLE app LOGIN PASSWORD 's3cret'")
	if got := r.psqlAs("app", "s3cret", "SELECT current_user"); got != "app" {
		t.Errorf("app: %s", got)
	}
	for user, want := range map[string]string{
		"app":     `password authentication failed for user "app"`,
		"other":   `password authentication failed for user "other"`,
		"mallory": `pg_hba.conf rejects connection for host "127.0.0.1", user "mallory", database "bench", no encryption`,
		"bench":   `no pg_hba.conf entry for host "127.0.0.1", user "bench", database "bench", no encryption`,
	} {
		if got := r.psqlAs(user, "gu3ss", "SELECT 1"); !strings.Contains(got, "FATAL:  "+want) {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
	r.checkFailures()
}

// checkFailures looks for one line about each failed login, without secrets.
func (r *rig) checkFailures() {
	r.Helper()
	text := r.log.String()
	for _, want := range []string{
		`user=app database=bench client=127.0.0.1:`, `pg_hba.conf:2 reason="wrong password"`,
		`pg_hba.conf:2 reason="no such user, or one without a secret"`,
		`method=reject hba=`, `pg_hba.conf:3 reason=rejected`, `reason="no line allows it"`,
	} {
		if !strings.Contains(text, want) {
			r.Errorf("the log lacks %s", want)
		}
	}
	if n := strings.Count(text, "authentication failed"); n != 4 {
		r.Errorf("%d lines about 4 failures", n)
	}
	for _, secret := range []string{"s3cret", "gu3ss", "SCRAM-SHA-256$"} {
		if strings.Contains(text, secret) {
			r.Errorf("the log shows %s", secret)
		}
	}
	if r.Failed() {
		r.Log(text)
	}
}

func TestMistakesInAuthFiles(t *testing.T) {
	const scram = "SCRAM-SHA-256$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for auth, want := range map[string]string{
		"auth: {type: hba, hba_file: pg_hba.conf}":                         "pg_hba.conf:2: ",
		"auth: {type: hba, hba_file: nowhere.conf}":                        "auth.hba_file: cannot read the HBA file: open ",
		"auth: {type: trust, ident_file: pg_ident.conf}":                   "pg_ident.conf:1: want MAP SYSTEM-NAME USER",
		"auth: {type: md5, users_file: users.txt, query_user: hashed}":     "auth.query_user: auth.users_file has a hash for user \"hashed\"",
		"auth: {type: md5, users_file: users.txt, query_user: hashed_too}": "auth.query_user: auth.users_file has a hash for user \"hashed_too\"",
	} {
		path := filepath.Join(t.TempDir(), "pgherd.yaml")
		if err := os.WriteFile(path, []byte("nodes: [{host: 127.0.0.1}]\nmonitor: {user: u}\nauth: {type: scram-sha-256, users_file: users.txt}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		authConfig(t, path, auth, map[string]string{"pg_hba.conf": "local all all trust\nhost all\n", "pg_ident.conf": "x\n",
			"users.txt": `"hashed" "md5f70c4a6ab7d1ea4e8a4f9b2d3a1c5e60"` + "\n" + `"hashed_too" "` + scram + `"` + "\n"})
		err := checkCommand(t.Context(), []string{"--config", path}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", auth, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "f70c4a6") || strings.Contains(err.Error(), "c2FsdA")) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}
