package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// served is pgherd as its users start it.
type served struct {
	*rig
	cmd     *exec.Cmd
	program string
	config  string
	ended   chan error
}

func startProcess(t *testing.T) *served {
	t.Helper()
	p := newProcess(t, 0, "")
	p.launch()
	return p
}

// newProcess starts a cluster to put the program in front of.
func newProcess(t *testing.T, standbys int, extra string, opts ...pgtest.Option) *served {
	t.Helper()
	pgtest.Leaks(t)
	p := &served{rig: &rig{T: t, cluster: pgtest.Cluster(t, standbys, opts...), log: &logTail{}}}
	p.program = program(t)
	p.config = p.writeConfig(extra)
	return p
}

// launch returns when pgherd listens; it is ended with the test.
func (p *served) launch() {
	p.Helper()
	p.launchInto(func(stderr io.ReadCloser, log *logTail) {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			_, _ = log.Write(append(s.Bytes(), '\n'))
		}
	})
}

// launchInto is launch for who reads the log in another way.
func (p *served) launchInto(read func(stderr io.ReadCloser, log *logTail)) {
	p.Helper()
	p.log, p.ended = &logTail{}, make(chan error, 1)
	cmd, log, ended := exec.Command(p.program, "serve", "--config", p.config), p.log, p.ended
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.Fatal(err)
	}
	p.cmd = cmd
	go func() {
		read(stderr, log)
		ended <- cmd.Wait()
		close(ended)
	}()
	p.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if p.Failed() {
			p.Log(log.String())
		}
	})
	p.awaitLog(`listening: address=127\.0\.0\.1:(\d+)`)
	p.host, p.port = "127.0.0.1", regexp.MustCompile(`listening: address=127\.0\.0\.1:(\d+)`).FindStringSubmatch(p.log.String())[1]
}

func (p *served) awaitLog(pattern string) {
	p.Helper()
	re := regexp.MustCompile(pattern)
	pgtest.Await(p, 20*time.Second, "the log to say "+pattern, func() bool { return re.MatchString(p.log.String()) })
}

func (p *served) signal(s os.Signal) {
	p.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.Fatal(err)
	}
}

// change edits the configuration file.
func (p *served) change(old, new string) {
	p.Helper()
	text, err := os.ReadFile(p.config)
	if err != nil || !strings.Contains(string(text), old) {
		p.Fatalf("%v: no %q in %s", err, old, text)
	}
	p.write(p.config, strings.Replace(string(text), old, new, 1))
}

// exit is the exit status, as soon as there is one.
func (p *served) exit() int {
	p.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(time.Minute):
		p.Fatal("it has not ended")
		return -1
	}
}

func (p *served) mustConnect(database string) *pgx.Conn {
	p.Helper()
	c, err := p.connect(context.Background(), database, "")
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// Ensure that a hangup changes what the file says, and nothing when the file, or
// one that it names, is wrong; and that connected clients notice nothing.
func TestHangupReloads(t *testing.T) {
	p := startProcess(t)
	ctx := context.Background()
	client := p.mustConnect("bench")
	tx, err := client.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}

	p.change("max_clients: 5000", "max_clients: 0")
	p.signal(syscall.SIGHUP)
	p.awaitLog(`not reloaded: .*pgherd\.yaml:\d+: pool\.max_clients`)
	if out, err := p.psql("pgpool", "RELOAD"); err == nil || !strings.Contains(out, "F0000") || !strings.Contains(out, "max_clients") {
		t.Errorf("RELOAD of a wrong file: %v\n%s", err, out)
	}
	p.change("max_clients: 0", "max_clients: 2")
	p.write(filepath.Join(filepath.Dir(p.config), "users.txt"), "bench\n")
	if out, err := p.psql("pgpool", "RELOAD"); err == nil || !strings.Contains(out, "users.txt:1") {
		t.Errorf("RELOAD with a wrong users_file: %v\n%s", err, out)
	}

	p.write(filepath.Join(filepath.Dir(p.config), "users.txt"), "\"bench\" \"bench\"\n\"new\" \"secret\"\n")
	p.change("consistency: session", "consistency: global\nloops: 3\nlog: {level: debug}")
	p.signal(syscall.SIGHUP)
	p.awaitLog(`reloaded the configuration: changed="?pool\.max_clients, consistency, loops, log\.level`)
	p.awaitLog(`need a restart: keys=loops`)
	second := p.mustConnect("bench")
	_, err = p.connect(ctx, "bench", "")
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "53300" {
		t.Errorf("a third client gets %v, want 53300", err)
	}
	out := p.mustPSQL("pgpool", "RELOAD") // an administrator gets in
	if !strings.Contains(out, "after a restart only: loops") {
		t.Errorf("RELOAD says\n%s", out)
	}
	if out := p.mustPSQL("pgpool", "SELECT name, setting FROM pool_settings WHERE pending_restart"); !strings.HasPrefix(out, "loops|") || strings.Contains(out, "3") {
		t.Errorf("what is in force until the restart:\n%s", out)
	}
	if err := second.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Errorf("the transaction that was open: %v", err)
	}
}

// Ensure that the first SIGTERM lets a transaction finish, and that nobody new
// gets in.
func TestTerminateDrains(t *testing.T) {
	for name, ask := range map[string]func(*served){
		"SIGTERM":  func(p *served) { p.signal(syscall.SIGTERM) },
		"SIGINT":   func(p *served) { p.signal(syscall.SIGINT) },
		"SHUTDOWN": func(p *served) { _, _ = p.psql("pgpool", "SHUTDOWN WAIT_FOR_SERVERS") },
	} {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t)
			ctx := context.Background()
			tx, err := p.mustConnect("bench").Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			ask(p)
			p.awaitLog("shutting down")
			pgtest.Await(t, 10*time.Second, "the door to be shut", func() bool {
				quick, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				c, err := p.connect(quick, "bench", "")
				if err == nil {
					_ = c.Close(ctx)
				}
				return err != nil
			})
			if _, err := tx.Exec(ctx, "select 1"); err != nil {
				t.Errorf("in the transaction: %v", err)
			}
			if err := tx.Commit(ctx); err != nil {
				t.Errorf("commit: %v", err)
			}
			if code := p.exit(); code != 0 {
				t.Errorf("exit status %d", code)
			}
		})
	}
}

// Ensure that a second signal ends pgherd whatever its clients do.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := startProcess(t)
	if _, err := p.mustConnect("bench").Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.awaitLog("shutting down")
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
}

// TestLogWithoutReader: pgherd outlives whoever has read its log.
func TestLogWithoutReader(t *testing.T) {
	p := newProcess(t, 0, "")
	p.launchInto(func(stderr io.ReadCloser, log *logTail) {
		defer stderr.Close()
		for s := bufio.NewScanner(stderr); s.Scan(); {
			if _, _ = log.Write(append(s.Bytes(), '\n')); strings.Contains(s.Text(), "listening") {
				return
			}
		}
	})
	for range 3 {
		_, err := pgx.Connect(t.Context(), p.dsn("bench", "password=wrong"))
		if err == nil {
			t.Fatal("a wrong password was taken")
		}
	}
	conn, err := p.connect(t.Context(), "bench", "")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
}
