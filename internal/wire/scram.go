package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/secure/precis"
)

// ScramSHA256 is the mechanism's name (RFC 7677).
const ScramSHA256 = "SCRAM-SHA-256"

const (
	scramIterations = 4096 // PostgreSQL's scram_iterations
	maxIterations   = 10_000_000
)

// ErrScram is returned when an exchange does not prove what it should. It says
// no more than that, for it may be told to the peer.
var ErrScram = errors.New("SCRAM authentication failed")

var base64std = base64.StdEncoding.Strict()

// Verifier is what a server keeps of a password: pg_authid's form
// SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
type Verifier struct {
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte
}

// ClientKeys are what a client needs instead of the password, for one salt and
// iteration count.
type ClientKeys struct{ ClientKey, ServerKey []byte }

// DeriveKeys runs PBKDF2, which takes milliseconds of CPU: not on a loop.
func DeriveKeys(password string, salt []byte, iterations int) (ClientKeys, error) {
	if prepared, err := precis.OpaqueString.String(password); err == nil {
		password = prepared // as PostgreSQL: what SASLprep refuses is used as it is
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return ClientKeys{}, fmt.Errorf("derive SCRAM keys: %w", err)
	}
	return ClientKeys{mac(salted, "Client Key"), mac(salted, "Server Key")}, nil
}

// NewVerifier makes a verifier with a random salt. It runs PBKDF2.
func NewVerifier(password string) (*Verifier, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	keys, err := DeriveKeys(password, salt, scramIterations)
	if err != nil {
		return nil, err
	}
	stored := sha256.Sum256(keys.ClientKey)
	return &Verifier{salt, scramIterations, stored[:], keys.ServerKey}, nil
}

// MockVerifier is what an unknown user is tried against: never satisfied, and
// alike for one user and seed, so that nobody learns which users exist.
func MockVerifier(user string, seed []byte) *Verifier {
	return &Verifier{Salt: mac(seed, user)[:16], Iterations: scramIterations, StoredKey: nil, ServerKey: mac(seed, "server"+user)}
}

// ParseVerifier reads pg_authid's form.
func ParseVerifier(s string) (*Verifier, error) {
	rest, ok := strings.CutPrefix(s, ScramSHA256+"$")
	head, keys, ok2 := strings.Cut(rest, "$")
	count, salt, ok3 := strings.Cut(head, ":")
	stored, server, ok4 := strings.Cut(keys, ":")
	if !ok || !ok2 || !ok3 || !ok4 {
		return nil, errors.New("malformed SCRAM secret")
	}
	v := &Verifier{}
	var errs [4]error
	v.Iterations, errs[0] = strconv.Atoi(count)
	v.Salt, errs[1] = base64std.DecodeString(salt)
	v.StoredKey, errs[2] = base64std.DecodeString(stored)
	v.ServerKey, errs[3] = base64std.DecodeString(server)
	if errors.Join(errs[:]...) != nil || v.Iterations < 1 || len(v.StoredKey) != sha256.Size || len(v.ServerKey) != sha256.Size {
		return nil, errors.New("malformed SCRAM secret")
	}
	return v, nil
}

// ServerExchange is the server's side of one login: Bind over TLS, Choose, First,
// then Final.
type ServerExchange struct {
	verifier *Verifier
	endPoint []byte // channel binding data, nil without TLS
	bound    bool   // the client has chosen SCRAM-SHA-256-PLUS
	bare     []byte // client-first-message-bare
	first    []byte // server-first-message
	gs2      []byte
	nonce    []byte
}

// NewServerExchange starts a login against v.
func NewServerExchange(v *Verifier) *ServerExchange { return &ServerExchange{verifier: v} }

// First answers client-first-message.
func (x *ServerExchange) First(msg []byte) ([]byte, error) {
	parts := bytes.SplitN(msg, []byte(","), 3)
	if len(parts) != 3 {
		return nil, Violation("malformed SCRAM message")
	}
	if err := x.checkFlag(string(parts[0])); err != nil {
		return nil, err
	}
	x.gs2 = bytes.Clone(msg[:len(parts[0])+len(parts[1])+2])
	x.bare = bytes.Clone(parts[2])
	nonce, ok := attribute(x.bare, 'r')
	if !ok || len(nonce) == 0 {
		return nil, Violation("SCRAM message without a nonce")
	}
	x.nonce = append(bytes.Clone(nonce), randomNonce()...)
	x.first = fmt.Appendf(nil, "r=%s,s=%s,i=%d", x.nonce, base64std.EncodeToString(x.verifier.Salt), x.verifier.Iterations)
	return x.first, nil
}

// Final checks client-final-message and returns server-final-message together
// with the client's key, which can log in to a server with the same verifier.
func (x *ServerExchange) Final(msg []byte) (reply, clientKey []byte, err error) {
	at := bytes.LastIndex(msg, []byte(",p="))
	if at < 0 {
		return nil, nil, Violation("SCRAM message without a proof")
	}
	binding, ok := attribute(msg[:at], 'c')
	nonce, ok2 := attribute(msg[:at], 'r')
	proof, err := base64std.DecodeString(string(msg[at+3:]))
	if !ok || !ok2 || err != nil || len(proof) != sha256.Size {
		return nil, nil, Violation("malformed SCRAM message")
	}
	if string(binding) != base64std.EncodeToString(x.binding()) || !bytes.Equal(nonce, x.nonce) {
		return nil, nil, ErrScram
	}
	auth := bytes.Join([][]byte{x.bare, x.first, msg[:at]}, []byte(","))
	clientKey = xor(proof, mac(x.verifier.StoredKey, auth))
	stored := sha256.Sum256(clientKey)
	if subtle.ConstantTimeCompare(stored[:], x.verifier.StoredKey) != 1 {
		return nil, nil, ErrScram
	}
	return []byte("v=" + base64std.EncodeToString(mac(x.verifier.ServerKey, auth))), clientKey, nil
}

// ClientExchange is the client's side of one login: Bind over TLS, Choose, First,
// Final, Verify.
type ClientExchange struct {
	derive   func(salt []byte, iterations int) (ClientKeys, error)
	endPoint []byte // channel binding data, nil without TLS
	bound    bool   // SCRAM-SHA-256-PLUS was chosen
	bare     []byte
	nonce    []byte
	auth     []byte
	keys     ClientKeys
}

// NewClientExchange starts a login whose keys come from derive.
func NewClientExchange(derive func(salt []byte, iterations int) (ClientKeys, error)) *ClientExchange {
	return &ClientExchange{derive: derive}
}

// First is client-first-message. PostgreSQL ignores the user name in it.
func (x *ClientExchange) First() []byte {
	x.nonce = randomNonce()
	x.bare = append([]byte("n=,r="), x.nonce...)
	return append(x.gs2(), x.bare...)
}

// Final answers server-first-message.
func (x *ClientExchange) Final(msg []byte) ([]byte, error) {
	nonce, ok := attribute(msg, 'r')
	salt64, ok2 := attribute(msg, 's')
	count, ok3 := attribute(msg, 'i')
	salt, err := base64std.DecodeString(string(salt64))
	iterations, err2 := strconv.Atoi(string(count))
	if !ok || !ok2 || !ok3 || err != nil || err2 != nil || iterations < 1 || iterations > maxIterations {
		return nil, Violation("malformed SCRAM message from the server")
	}
	if !bytes.HasPrefix(nonce, x.nonce) || len(nonce) == len(x.nonce) {
		return nil, Violation("the server answered another SCRAM exchange")
	}
	if x.keys, err = x.derive(salt, iterations); err != nil {
		return nil, err
	}
	final := fmt.Appendf(nil, "c=%s,r=%s", base64std.EncodeToString(x.binding()), nonce)
	x.auth = bytes.Join([][]byte{x.bare, msg, final}, []byte(","))
	stored := sha256.Sum256(x.keys.ClientKey)
	proof := xor(x.keys.ClientKey, mac(stored[:], x.auth))
	return append(final, ",p="+base64std.EncodeToString(proof)...), nil
}

// Verify checks server-final-message: that the server knows the password too.
func (x *ClientExchange) Verify(msg []byte) error {
	sig64, ok := attribute(msg, 'v')
	sig, err := base64std.DecodeString(string(sig64))
	if !ok || err != nil || x.auth == nil || subtle.ConstantTimeCompare(sig, mac(x.keys.ServerKey, x.auth)) != 1 {
		return ErrScram
	}
	return nil
}

// attribute finds the value of one SCRAM attribute.
func attribute(msg []byte, name byte) ([]byte, bool) {
	for part := range bytes.SplitSeq(msg, []byte(",")) {
		if len(part) >= 2 && part[0] == name && part[1] == '=' {
			return part[2:], true
		}
	}
	return nil, false
}

func mac[S string | []byte](key []byte, data S) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	subtle.XORBytes(out, a, b)
	return out
}

func randomNonce() []byte {
	raw := make([]byte, 18)
	_, _ = rand.Read(raw) // never fails
	return []byte(base64std.EncodeToString(raw))
}
