package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/hba"
	"github.com/pgherd/pgherd/internal/wire"
)

func TestRuleOfEveryType(t *testing.T) {
	for kind, want := range map[config.AuthType]hba.Method{config.AuthScramSHA256: hba.SCRAM, config.AuthTrust: hba.Trust,
		config.AuthReject: hba.Reject, config.AuthPassword: hba.Password, config.AuthMD5: hba.MD5, config.AuthCert: hba.Cert, config.AuthPeer: hba.Peer} {
		if got := ruleOf(kind); got.Method != want || got.Method.String() != kind.String() {
			t.Errorf("%v gives %v", kind, got.Method)
		}
	}
	if ruleOf(config.AuthCert).ClientCert != hba.VerifyFull {
		t.Error("cert does not look at the name")
	}
}

func TestCertificates(t *testing.T) {
	full := hba.Rule{ClientCert: hba.VerifyFull}
	byDN := hba.Rule{ClientCert: hba.VerifyFull, ClientName: hba.DistinguishedName}
	ann := facts{Encrypted: true, CertCN: "ann", CertDN: "CN=ann,O=corp"}
	for _, c := range []struct {
		rule hba.Rule
		facts
		user string
		want string
	}{
		{hba.Rule{}, facts{}, "ann", ""},
		{full, ann, "ann", ""},
		{full, ann, "bob", `certificate authentication failed for user "bob"`},
		{full, facts{Encrypted: true}, "ann", "connection requires a valid client certificate"},
		{full, facts{CertDN: "O=corp"}, "", `certificate authentication failed for user ""`},
		{byDN, ann, "ann", `certificate authentication failed for user "ann"`},
		{byDN, ann, "CN=ann,O=corp", ""},
		{hba.Rule{ClientCert: hba.VerifyCA}, ann, "bob", ""},
		{hba.Rule{ClientCert: hba.VerifyCA}, facts{Encrypted: true}, "bob", "connection requires a valid client certificate"},
		{hba.Rule{ClientCert: hba.VerifyFull, Map: "none"}, ann, "ann", `certificate authentication failed for user "ann"`},
	} {
		if got := refusalText(checkCertificate(c.rule, c.facts, c.user, nil)); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func refusalText(err error) string {
	var r *refusal
	if !errors.As(err, &r) {
		return ""
	}
	return r.told.Message
}

func TestPeer(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(me.Uid)
	if got := systemUser(facts{Local: true, PeerUID: uid}); got != me.Username {
		t.Errorf("I am %q, not %q", me.Username, got)
	}
	if got := systemUser(facts{PeerUID: uid}); got != "" {
		t.Errorf("over TCP: %q", got)
	}
	rule := hba.Rule{Method: hba.Peer}
	if err := checkPeer(rule, "ann", "ann", nil); err != nil {
		t.Error(err)
	}
	for _, system := range []string{"", "bob"} {
		if got := refusalText(checkPeer(rule, system, "ann", nil)); got != `Peer authentication failed for user "ann"` {
			t.Errorf("%q: %q", system, got)
		}
	}
	if checkPeer(rule, "", "", nil) == nil {
		t.Error("nobody was let in")
	}
}

// Unknown users are taken to have what most have.
func TestMockSecrets(t *testing.T) {
	md5, scram := wire.MD5Secret("a", "x"), scramText(t)
	for want, secrets := range map[secretKind][]string{
		scramSecret: {scram, scram, "plain"}, md5Secret: {md5, md5, scram}, plainSecret: {"x", "y", md5},
	} {
		list := map[string]config.Secret{"empty": config.NewSecret("")}
		for i, text := range secrets {
			list[fmt.Sprint(i)] = config.NewSecret(text)
		}
		u := NewUsers(list)
		mock := u.mock("nobody")
		if mock.kind != want {
			t.Errorf("%v: the mock is %v", want, mock.kind)
		}
		for _, password := range []string{"", "x", mock.text, string(u.seed)} {
			if want != plainSecret && mock.check("nobody", password) {
				t.Errorf("%v: %q opens the mock", want, password)
			}
		}
		if mock.text != u.mock("nobody").text || mock.text == u.mock("somebody").text {
			t.Errorf("%v: the mock is not the user's own", want)
		}
		if s, known := u.find("empty"); s != nil || !known {
			t.Error("an empty secret lets somebody in")
		}
	}
}

func scramText(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/scram_secret.txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(data[:len(data)-1])
}

// asked counts questions and answers them when it is let.
type asked struct {
	mu    sync.Mutex
	count map[string]int
	gate  chan struct{} // nil: at once
	text  string
	err   error
}

func (a *asked) Secret(_ context.Context, user string) (string, bool, error) {
	a.mu.Lock()
	a.count[user]++
	text, err := a.text, a.err
	a.mu.Unlock()
	if a.gate != nil {
		<-a.gate
	}
	return text, text != "", err
}

func (a *asked) answer(text string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text, a.err = text, err
}

func TestOneQuestionForMany(t *testing.T) {
	a := &asked{count: map[string]int{}, gate: make(chan struct{}), text: "pw"}
	l := newLookups(a, time.Hour)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if s, err := l.fetch(t.Context(), "app"); err != nil || s.text != "pw" {
				t.Errorf("got %v, %v", s, err)
			}
		})
	}
	a.gate <- struct{}{}
	wg.Wait()
	if a.count["app"] != 1 {
		t.Errorf("%d questions", a.count["app"])
	}
}

func TestAnswersGrowOld(t *testing.T) {
	a := &asked{count: map[string]int{}, text: scramText(t)}
	l := newLookups(a, time.Minute)
	first, err := l.fetch(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	first.learn([]byte("key"))
	now := time.Now()
	if _, known := l.recent("app", now.Add(59*time.Second)); !known {
		t.Error("forgotten too early")
	}
	if _, known := l.recent("app", now.Add(61*time.Second)); known {
		t.Error("believed for too long")
	}
	l.forget("app", now)
	if _, known := l.recent("app", now); !known {
		t.Error("a guess makes pgherd ask at once")
	}
	l.forget("app", now.Add(2*forgetAfter))
	if _, known := l.recent("app", now); known {
		t.Error("a failed login did not make the answer stale")
	}
	a.answer("", errors.New("no node"))
	if _, err := l.fetch(t.Context(), "app"); err == nil {
		t.Error("no error")
	}
	a.answer(scramText(t), nil)
	if s, err := l.fetch(t.Context(), "app"); err != nil || s != first || s.key.Load() == nil {
		t.Error("the same secret lost its key")
	}
	a.answer("new", nil)
	l.forget("app", now.Add(time.Hour))
	if s, err := l.fetch(t.Context(), "app"); err != nil || s.text != "new" {
		t.Errorf("got %v, %v", s, err)
	}
}

// Invented names do not fill the memory, and do not drive real users out.
func TestAnswersAreBounded(t *testing.T) {
	a := &asked{count: map[string]int{}, text: "pw"}
	l := newLookups(a, time.Hour)
	if _, err := l.fetch(t.Context(), "real"); err != nil {
		t.Fatal(err)
	}
	a.answer("", nil)
	for i := range 3 * maxAnswers {
		if s, err := l.fetch(t.Context(), strconv.Itoa(i)); s != nil || err != nil {
			t.Fatalf("got %v, %v", s, err)
		}
	}
	if n := len(l.answers); n > maxAnswers {
		t.Errorf("%d answers are kept", n)
	}
	if s, known := l.recent("real", time.Now()); !known || s == nil {
		t.Error("the real user was forgotten")
	}
	a.answer("pw", nil)
	for i := range 2 * maxAnswers {
		if _, err := l.fetch(t.Context(), "r"+strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.answers); n > maxAnswers {
		t.Errorf("%d answers of real users are kept", n)
	}
}

// Whatever stands in the file is a secret that the right password alone opens.
func FuzzSecret(f *testing.F) {
	f.Add("plain", "plain")
	f.Add("md5f70c4a6ab7d1ea4e8a4f9b2d3a1c5e60", "x")
	f.Add("SCRAM-SHA-256$1:c2FsdA==$c3RvcmVk:c2VydmVy", "x")
	f.Fuzz(func(t *testing.T, text, password string) {
		s := newSecret(text)
		if s == nil {
			if text != "" {
				t.Fatalf("%q is nobody's", text)
			}
			return
		}
		if s.kind == scramSecret && s.verifier.Load().Iterations > 10000 {
			return // slow, as it was asked for
		}
		if s.check("u", password) && s.kind == plainSecret && password != text {
			t.Fatalf("%q opens %q", password, text)
		}
		if s.kind != plainSecret && s.check("u", text) {
			t.Fatalf("the hash %q opens itself", text)
		}
	})
}
