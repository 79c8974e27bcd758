package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/hba"
	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/users"
	"github.com/pgherd/pgherd/internal/wire"
)

// authRig is a server whose HBA file has the given lines, in front of a node
// that takes whatever its users' secrets allow.
func authRig(t *testing.T, lines string, change func(*Config, *pool.Config)) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pg_hba.conf")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := hba.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, 0, func(s *Config, p *pool.Config, _ *int) {
		s.Auth, s.HBA = config.AuthHBA, rules
		if change != nil {
			change(s, p)
		}
	})
	r.nodeHBA("host all all all md5") // and SCRAM for those whose secret is one
	return r
}

// nodeHBA replaces the node's own pg_hba.conf. bench still gets in.
func (r *rig) nodeHBA(line string) {
	r.Helper()
	path := filepath.Join(r.cluster.Node(0).DataDirectory, "pg_hba.conf")
	if err := os.WriteFile(path, []byte("host all bench all scram-sha-256\n"+line+"\n"), 0o600); err != nil {
		r.Fatal(err)
	}
	r.cluster.Exec(0, "SELECT pg_reload_conf()")
}

// role makes a user on the node and gives its secret there.
func (r *rig) role(name, encryption, options string) string {
	r.Helper()
	conn := r.cluster.Conn(0)
	if _, err := conn.Exec(r.Context(), "SET password_encryption = '"+encryption+"'; CREATE ROLE "+pgx.Identifier{name}.Sanitize()+" LOGIN "+options); err != nil {
		r.Fatal(err)
	}
	var secret string
	if err := conn.QueryRow(r.Context(), "SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1", name).Scan(&secret); err != nil {
		r.Fatal(err)
	}
	return secret
}

// tryLogin logs in, asks who it is, and gives the SQLSTATE and message of what went wrong.
func (r *rig) tryLogin(user, password string) string {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	c, err := pgx.ParseConfig(r.dsn())
	if err != nil {
		r.Fatal(err)
	}
	c.User, c.Password = user, password
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return failure(err)
	}
	defer conn.Close(ctx)
	var who string
	if err := conn.QueryRow(ctx, "SELECT current_user").Scan(&who); err != nil || who != user {
		return fmt.Sprintf("is %q: %v", who, err)
	}
	return "ok"
}

func failure(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code + " " + pg.Message
	}
	return err.Error()
}

// Every method with every form of secret: the right password opens, a wrong one
// does not, and the user reaches the node.
func TestMethodsAndSecrets(t *testing.T) {
	r := authRig(t, "host all /^password_ all password\nhost all /^md5_ all md5\nhost all /^scram_ all scram-sha-256\n",
		func(s *Config, _ *pool.Config) { s.AllowPlainPassword = true })
	secrets := map[string]config.Secret{}
	names := []string{}
	for _, method := range []string{"password", "md5", "scram"} {
		for _, form := range []string{"plain", "md5", "scram"} {
			name := method + "_" + form
			encryption := "scram-sha-256"
			if form == "md5" {
				encryption = "md5"
			}
			secret := r.role(name, encryption, "PASSWORD 's3crét'")
			if form == "plain" {
				secret = "s3crét"
			}
			secrets[name] = config.NewSecret(secret)
			names = append(names, name)
		}
	}
	r.server.users.Replace(secrets)
	for _, name := range names {
		refused := "28P01 password authentication failed for user \"" + name + "\""
		want := "ok"
		if name == "scram_md5" {
			want = refused
		}
		for _, wrong := range []string{"wrong", "s3crét ", secrets[name].Reveal() + "x"} {
			if got := r.tryLogin(name, wrong); got != refused {
				t.Errorf("%s with a wrong password: %s", name, got)
			}
		}
		if got := r.tryLogin(name, "s3crét"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"password_nobody", "md5_nobody", "scram_nobody"} {
		if got := r.tryLogin(name, ""); got != "28P01 "+errPassword(name).Message {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestHBADecides(t *testing.T) {
	r := authRig(t, "host bench bench 127.0.0.0/8 trust\nhost all mallory all reject\nhostssl all all all cert\nhost all plain all password\n", nil)
	host := `host "127.0.0.1", user `
	for user, want := range map[string]string{
		"bench":   "ok",
		"mallory": "28000 pg_hba.conf rejects connection for " + host + `"mallory", database "bench", no encryption`,
		"eve":     "28000 no pg_hba.conf entry for " + host + `"eve", database "bench", no encryption`,
		"plain":   "28000 a password in clear is only accepted over TLS",
	} {
		if got := r.tryLogin(user, "bench"); got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
}

// An unknown user sees what a known one sees: the same messages, a salt that
// stays the same, the same error.
func TestUnknownUsersLookAlike(t *testing.T) {
	r := newRig(t, 0, nil)
	type view struct{ frames, salt, code string }
	look := func(user string) view {
		c := r.dialRaw()
		c.send(wire.AppendStartup(nil, "user", user, "database", "bench"))
		frames := c.next()
		x := wire.NewClientExchange(func(salt []byte, n int) (wire.ClientKeys, error) { return wire.DeriveKeys("wrong", salt, n) })
		c.send(wire.AppendSASLInitial(nil, wire.ScramSHA256, x.First()))
		_, body, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		_, first, _ := wire.ParseAuth(body)
		parts := strings.Split(string(first), ",")
		final, err := x.Final(first)
		if err != nil {
			t.Fatal(err)
		}
		c.send(wire.AppendFrame(nil, wire.Password, final))
		return view{frames + fmt.Sprint(len(parts[0]), len(parts[1]), parts[2]), parts[1], c.until('E')}
	}
	known, again := look("bench"), look("bench")
	nobody, nobodyAgain := look("nobody"), look("nobody")
	if known.salt != again.salt || nobody.salt != nobodyAgain.salt || known.salt == nobody.salt {
		t.Errorf("salts: %s %s, %s %s", known.salt, again.salt, nobody.salt, nobodyAgain.salt)
	}
	if known.frames != nobody.frames || known.code != nobody.code {
		t.Errorf("known %+v, unknown %+v", known, nobody)
	}
}

// The key that a client's proof shows opens the node; without it there is a
// clear error, and the node is not taken for dead.
func TestScramPassThrough(t *testing.T) {
	r := authRig(t, "host all careless all trust\nhost all all all scram-sha-256\n", nil)
	own := r.role("own", "scram-sha-256", "PASSWORD 'pw'")
	r.role("other", "scram-sha-256", "PASSWORD 'pw'")
	careless := r.role("careless", "scram-sha-256", "PASSWORD 'pw'")
	r.server.users.Replace(map[string]config.Secret{"own": config.NewSecret(own), "other": config.NewSecret(own), "careless": config.NewSecret(careless)})
	if got := r.tryLogin("own", "pw"); got != "ok" {
		t.Errorf("the node's own secret: %s", got)
	}
	for _, user := range []string{"other", "careless"} {
		if got := r.tryLogin(user, "pw"); !strings.HasPrefix(got, "28P01 the node asks for SCRAM, and pgherd has neither") {
			t.Errorf("%s: got %s", user, got)
		}
	}
	v, err := wire.ParseVerifier(own)
	if err != nil {
		t.Fatal(err)
	}
	r.server.users.Replace(map[string]config.Secret{"own": config.NewSecret(own)})
	if _, known := r.server.users.ServerKeys("own", v.Salt, v.Iterations); !known {
		t.Error("reading the same file again lost the user's key")
	}
	r.server.users.Replace(map[string]config.Secret{"own": config.NewSecret(careless)})
	v, err = wire.ParseVerifier(careless)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := r.server.users.ServerKeys("own", v.Salt, v.Iterations); known {
		t.Error("the key outlived the secret")
	}
}

func TestPlainPasswordToNodes(t *testing.T) {
	for _, allow := range []bool{false, true} {
		r := authRig(t, "host all all all scram-sha-256\n", func(_ *Config, p *pool.Config) { p.AllowPlainPassword = allow })
		r.role("open", "scram-sha-256", "PASSWORD 'pw'")
		r.nodeHBA("host all all all password")
		r.server.users.Replace(map[string]config.Secret{"open": config.NewSecret("pw")})
		want := "ok"
		if !allow {
			want = "28P01 the node asks for the password in clear over a connection without TLS"
		}
		if got := r.tryLogin("open", "pw"); got != want {
			t.Errorf("allowed %v: %s", allow, got)
		}
	}
}

// authQuery has r look up the users that its file does not have.
func (r *rig) authQuery(query string) *users.AuthQuery {
	q := users.NewAuthQuery(query, cluster.Credentials{User: "bench", Password: "bench", Database: "bench"}, r.board, r.server.log)
	r.Cleanup(q.Close)
	return q
}

const defaultQuery = "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END " +
	"FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin"

func TestAuthQuery(t *testing.T) {
	r := authRig(t, "host all /^md5 all md5\nhost all all all scram-sha-256\n", nil)
	// What a user may put in front of the catalog must not be asked.
	r.cluster.Exec(0, "CREATE TABLE public.pg_authid AS SELECT * FROM pg_catalog.pg_authid LIMIT 0; ALTER ROLE bench SET search_path = public, pg_catalog")
	r.server.users.LookUp(r.authQuery(defaultQuery), time.Hour)
	injection := `x' OR rolname = 'bench' --`
	r.role("scram user", "scram-sha-256", "PASSWORD 'pw'")
	r.role("md5user", "md5", "PASSWORD 'pw'")
	r.role(injection, "scram-sha-256", "PASSWORD 'pw'")
	r.role("expired", "scram-sha-256", "PASSWORD 'pw' VALID UNTIL '2001-01-01'")
	r.role("locked", "scram-sha-256", "PASSWORD 'pw'")
	r.cluster.Exec(0, "ALTER ROLE locked NOLOGIN")
	for user, want := range map[string]string{"scram user": "ok", "md5user": "ok", injection: "ok",
		"expired": "", "locked": "", "nobody": "", strings.Repeat("long", 100): ""} {
		if want == "" {
			want = "28P01 " + errPassword(user).Message
		}
		if got := r.tryLogin(user, "pw"); got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
	if got := r.tryLogin("bench", "bench"); got != "ok" {
		t.Errorf("a user of the file: %s", got)
	}
}

// A new password works at the latest when the old answer is forgotten.
func TestAuthQuerySeesNewPasswords(t *testing.T) {
	r := authRig(t, "host all all all scram-sha-256\n", nil)
	r.server.users.LookUp(r.authQuery(defaultQuery), time.Hour)
	r.role("app", "scram-sha-256", "PASSWORD 'old'")
	if got := r.tryLogin("app", "old"); got != "ok" {
		t.Fatal(got)
	}
	r.cluster.Exec(0, "ALTER ROLE app PASSWORD 'new'")
	r.server.users.Refused("app", time.Now().Add(time.Minute)) // as an attempt does, later
	if got := r.tryLogin("app", "new"); got != "ok" {
		t.Error(got)
	}
}

func TestAuthQueryAnswersAreChecked(t *testing.T) {
	r := newRig(t, 0, nil)
	for query, want := range map[string]string{
		"SELECT $1::text":                                                  "auth.query gives 1 columns, want the user's name and secret",
		"SELECT 'bench', 'x' WHERE $1::text <> ''":                         "auth.query gives another user than was asked for",
		"SELECT NULL::text, 'x' WHERE $1::text <> ''":                      "auth.query gives another user than was asked for",
		"SELECT $1::text, g::text FROM pg_catalog.generate_series(1, 2) g": "auth.query gives 2 rows for one user",
		"SELECT secret($1)":                                                `node 0: auth.query: ERROR: function secret(unknown) does not exist`,
		"SELECT $1::text, NULL::text":                                      "",
	} {
		_, found, err := r.authQuery(query).Secret(t.Context(), "app")
		if found || (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: found %v, %v", query, found, err)
		}
	}
	r.publish(cluster.NoNode)
	s := r.board.Current().Clone()
	s.Nodes[0].Status = cluster.Down
	r.board.Publish(s)
	if _, _, err := r.authQuery(defaultQuery).Secret(t.Context(), "bench"); err == nil || err.Error() != "no node is in service" {
		t.Errorf("without nodes: %v", err)
	}
}

// Messages that do not belong into a login end it, and say why.
func TestHostileLogins(t *testing.T) {
	r := newRig(t, 0, nil)
	start := wire.AppendStartup(nil, "user", "bench", "database", "bench")
	scram := func(first string) []byte { return wire.AppendSASLInitial(nil, wire.ScramSHA256, []byte(first)) }
	for name, bytes := range map[string][]byte{
		"query":            wire.AppendQuery(nil, "SELECT 1"),
		"huge message":     {'p', 0x3f, 0xff, 0xff, 0xff},
		"negative length":  {'p', 0xff, 0xff, 0xff, 0xff},
		"tiny length":      {'p', 0, 0, 0, 3},
		"no SASL":          wire.AppendFrame(nil, wire.Password, "bench\x00"),
		"lying length":     wire.AppendFrame(nil, wire.Password, "SCRAM-SHA-256\x00\xff\xff\xff\xffn,,n=,r=x"),
		"other mechanism":  wire.AppendSASLInitial(nil, "PLAIN", []byte("x")),
		"channel binding":  scram("p=tls-server-end-point,,n=,r=x"),
		"no nonce":         scram("n,,n="),
		"proof at once":    join(scram("n,,n=,r=x"), wire.AppendFrame(nil, wire.Password, "c=biws,r=x,p=AAAA")),
		"no proof":         join(scram("n,,n=,r=x"), wire.AppendFrame(nil, wire.Password, "c=biws,r=x")),
		"empty everything": join(scram("n,,n=,r=x"), wire.AppendFrame(nil, wire.Password, "")),
	} {
		c := r.dialRaw()
		c.send(start, bytes)
		if got := c.until('E'); !strings.HasSuffix(got, "E:08P01") {
			t.Errorf("%s: %s", name, got)
		}
		if got := c.next(); got != "closed" {
			t.Errorf("%s: then %s", name, got)
		}
	}
	if got := r.tryLogin("bench", "bench"); got != "ok" {
		t.Errorf("afterwards: %s", got)
	}
}
