package wire

import (
	"errors"
	"strings"
	"testing"
)

// Ensure that both sides agree with and without binding, and that a forged
// certificate and a removed offer are found out.
func TestChannelBinding(t *testing.T) {
	v, err := NewVerifier("secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name            string
		server, client  string // binding data
		offered, choose string
		fails           string
	}{
		{"plain", "", "", "", ScramSHA256, ""},
		{"bound", "cert", "cert", "", ScramSHA256Plus, ""},
		{"a client that can't", "cert", "", "", ScramSHA256, ""},
		{"a server that can't", "", "cert", "", ScramSHA256, ""},
		{"another certificate", "cert", "forged", "", ScramSHA256Plus, "failed"},
		{"offer removed", "cert", "cert", ScramSHA256 + "\x00\x00", ScramSHA256, "28000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := NewServerExchange(v)
			client := NewClientExchange(func(salt []byte, n int) (ClientKeys, error) { return DeriveKeys("secret", salt, n) })
			if c.server != "" {
				server.Bind([]byte(c.server))
			}
			if c.client != "" {
				client.Bind([]byte(c.client))
			}
			offered := c.offered
			if offered == "" {
				offered = server.Mechanisms()
			}
			mechanism := client.Choose([]byte(offered))
			if mechanism != c.choose {
				t.Fatalf("client chose %q, want %q", mechanism, c.choose)
			}
			err := agree(server, client, mechanism)
			if c.fails == "" && err != nil || c.fails != "" && !said(err, c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
		})
	}
}

func said(err error, what string) bool {
	var e *Error
	return err != nil && (strings.Contains(err.Error(), what) || errors.As(err, &e) && e.Code == what)
}

func agree(server *ServerExchange, client *ClientExchange, mechanism string) error {
	if err := server.Choose(mechanism); err != nil {
		return err
	}
	msg, err := server.First(client.First())
	if err != nil {
		return err
	}
	if msg, err = client.Final(msg); err != nil {
		return err
	}
	if msg, _, err = server.Final(msg); err != nil {
		return err
	}
	return client.Verify(msg)
}

// Ensure that a flag which contradicts the mechanism is refused.
func TestChannelBindingFlags(t *testing.T) {
	for _, c := range []struct{ mechanism, first string }{
		{ScramSHA256, "p=tls-server-end-point,,n=,r=x"},
		{ScramSHA256Plus, "n,,n=,r=x"},
		{ScramSHA256Plus, "p=tls-unique,,n=,r=x"},
		{ScramSHA256Plus, "y,,n=,r=x"},
	} {
		x := NewServerExchange(MockVerifier("u", nil))
		x.Bind([]byte("cert"))
		if err := x.Choose(c.mechanism); err != nil {
			t.Fatal(err)
		}
		if _, err := x.First([]byte(c.first)); err == nil {
			t.Errorf("%s with %q passes", c.mechanism, c.first)
		}
	}
	if NewServerExchange(MockVerifier("u", nil)).Choose(ScramSHA256Plus) == nil {
		t.Error("binding without TLS passes")
	}
}
