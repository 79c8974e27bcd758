package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestParseConninfo(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", ""},
		{" \t\n", ""},
		{"host=a port=5432", "host='a' port='5432'"},
		{"host = a  port\t=\n5432 ", "host='a' port='5432'"},
		{`password='it\'s a \\' user=x`, `password='it\'s a \\' user='x'`},
		{`password=a\ b\'c`, `password='a b\'c'`},
		{`password=end\`, `password='end'`},
		{"host='' port=1", "port='1'"},
		{"host= port=1", "host='port=1'"}, // as libpq reads it
		{"sslmode=disable sslmode=require", "sslmode='require'"},
		{"sslmode=disable sslmode=''", ""},
		{"user='a'password='b'", "user='a' password='b'"},
		{"password='ü=€'", "password='ü=€'"},
		{"postgresql://", ""},
		{"postgres://u:p%40w@h:1/db?sslmode=verify-full&sslrootcert=/a%20b", "host='h' port='1' user='u' password='p@w' dbname='db' sslmode='verify-full' sslrootcert='/a b'"},
		{"postgresql://[::1]:5433?application_name=x", "host='::1' port='5433' application_name='x'"},
		{"postgresql://a:1,b:2/", "host='a,b' port='1,2'"},
		{"postgresql://%2Frun/x", "host='/run' dbname='x'"},
	}
	for _, c := range cases {
		if got, err := ParseConninfo(c.in); err != nil || got.String() != c.want {
			t.Errorf("%q is read as %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

func TestParseConninfoRefuses(t *testing.T) {
	for _, s := range []string{"secret", "secret 1", "=secret", "password='secret", `password='secret\'`,
		"postgres://u:secret%zz@h", "postgres://u:secret@h?sslmode"} {
		c, err := ParseConninfo(s)
		if !errors.Is(err, ErrConninfo) || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%q is read as %s, %v", s, c, err)
		}
	}
}

// What is written is read back the same, here and by another reader.
func FuzzConninfo(f *testing.F) {
	for _, s := range []string{"host=a port=1", `password='it\'s' user = x`, "a=b\\", "postgresql://u:p@h:1/d?k=v", "k='", "k==''"} {
		f.Add(s, `it's a \ secret`)
	}
	f.Fuzz(func(t *testing.T, s, value string) {
		if c, err := ParseConninfo(s); err == nil {
			if back, err := ParseConninfo(c.String()); err != nil || !slices.Equal(back, c) {
				t.Errorf("%q is read as %s, then as %s: %v", s, c, back, err)
			}
		}
		written := Conninfo{}.With("password", value).With("user", "u").String()
		c, err := ParseConninfo(written)
		if err != nil || c.Get("password") != value || c.Get("user") != "u" {
			t.Errorf("%s is read as %s: %v", written, c, err)
		}
	})
}

func TestConninfoAsAnotherReaderSeesIt(t *testing.T) {
	for _, secret := range []string{`plain`, `it's`, `back\slash`, `\'`, `a b`, ` `, `ü€`, `x='y'`} {
		n := Node{Host: "127.0.0.1", Port: 5432}
		c, err := pgconn.ParseConfig(n.Conninfo(Credentials{User: "r", Password: secret}).With("sslmode", "disable").String())
		if err != nil || c.Password != secret || c.Host != n.Host || c.Port != 5432 || c.User != "r" {
			t.Errorf("%q is read as %+v: %v", secret, c, err)
		}
	}
}

func TestFollowConninfo(t *testing.T) {
	primary, standby := Node{Host: "h2", Port: 2}, Node{ID: 1, Name: "node1"}
	monitor := Credentials{User: "monitor", Password: "m"}
	const tail = " application_name='node1' connect_timeout='5' gssencmode='disable'"
	cases := []struct{ old, want string }{
		{"", "host='h2' port='2' user='monitor' password='m'" + tail},
		{"user=r password='p''", ""},
		{"user=r password=p host=h1 port=1 sslmode=verify-ca sslrootcert=/ca application_name=walreceiver",
			"host='h2' port='2' user='r' password='p' sslmode='verify-ca' sslrootcert='/ca'" + tail},
		// The password is in a passfile, or a certificate serves: none is added.
		{"host=h1 user=r passfile=/x", "host='h2' port='2' user='r' passfile='/x'" + tail},
		{"host=h1 sslcert=/c", "host='h2' port='2' sslcert='/c'" + tail},
		{"host=h1,h3 hostaddr=1.1.1.1,2.2.2.2 port=1,3 target_session_attrs=standby user=r", "host='h2' port='2' user='r'" + tail},
		{"user=r connect_timeout=60 gssencmode=prefer", "host='h2' port='2' user='r' connect_timeout='60' gssencmode='prefer' application_name='node1'"},
		{"postgresql://r:p@h1/?sslmode=require", "host='h2' port='2' user='r' password='p' sslmode='require'" + tail},
	}
	for _, c := range cases {
		got, err := primary.FollowConninfo(c.old, standby, monitor)
		if c.want == "" {
			if !errors.Is(err, ErrConninfo) {
				t.Errorf("%q becomes %s, %v", c.old, got, err)
			}
			continue
		}
		again, _ := primary.FollowConninfo(got, standby, monitor)
		if sorted(got) != sorted(c.want) || sorted(again) != sorted(got) {
			t.Errorf("%q becomes\n%s, %v; want\n%s", c.old, got, err, c.want)
		}
	}
}

func sorted(conninfo string) string {
	words := strings.Fields(conninfo)
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestCredentialsHidePasswords(t *testing.T) {
	c := Credentials{User: "u", Password: "secret", Database: "d"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, c); strings.Contains(text, "secret") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
