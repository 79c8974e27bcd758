package users

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// Unknown users are taken to have what most have.
func TestMockSecrets(t *testing.T) {
	md5, scram := wire.MD5Secret("a", "x"), scramText(t)
	for want, secrets := range map[Kind][]string{
		SCRAM: {scram, scram, "plain"}, MD5: {md5, md5, scram}, Plain: {"x", "y", md5},
	} {
		list := map[string]config.Secret{"empty": config.NewSecret("")}
		for i, text := range secrets {
			list[fmt.Sprint(i)] = config.NewSecret(text)
		}
		u := New(list)
		mock := u.Mock("nobody")
		if mock.kind != want {
			t.Errorf("%v: the mock is %v", want, mock.kind)
		}
		for _, password := range []string{"", "x", mock.text, string(u.seed)} {
			if want != Plain && mock.Check("nobody", password) {
				t.Errorf("%v: %q opens the mock", want, password)
			}
		}
		if mock.text != u.Mock("nobody").text || mock.text == u.Mock("somebody").text {
			t.Errorf("%v: the mock is not the user's own", want)
		}
		if s, known := u.Find("empty"); s != nil || !known {
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
	first.Learn([]byte("key"))
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
		if s.kind == SCRAM && s.verifier.Load().Iterations > 10000 {
			return // slow, as it was asked for
		}
		if s.Check("u", password) && s.kind == Plain && password != text {
			t.Fatalf("%q opens %q", password, text)
		}
		if s.kind != Plain && s.Check("u", text) {
			t.Fatalf("the hash %q opens itself", text)
		}
	})
}
