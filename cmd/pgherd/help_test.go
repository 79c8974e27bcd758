package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/pgtest"
)

// Ensure that help names the flags that there are, and that its examples are made
// of them.
func TestHelpIsRight(t *testing.T) {
	for _, c := range commands() {
		var out bytes.Buffer
		if err := helpCommand([]string{c.name}, &out); err != nil {
			t.Fatal(err)
		}
		usage, help, _ := strings.Cut(out.String(), "\n")
		real := realFlags(t, c)
		if named := flagsIn(usage); !slices.Equal(named, real) {
			t.Errorf("%s: help names the flags %q, and there are %q", c.name, named, real)
		}
		examples := regexp.MustCompile(`(?m)^  pgherd (\S+)(.*)$`).FindAllStringSubmatch(help, -1)
		if len(examples) == 0 {
			t.Errorf("%s: help has no example", c.name)
		}
		for _, e := range examples {
			for _, f := range flagsIn(e[2]) {
				if e[1] != c.name || !slices.Contains(real, f) {
					t.Errorf("%s: the example %q has the flag %s", c.name, e[0], f)
				}
			}
		}
	}
}

// What people type before they know the commands.
func TestFirstWords(t *testing.T) {
	for word, want := range map[string]string{"--version": "pgherd " + version, "-h": "pgherd serve", "--help": "pgherd serve", "version": "pgherd " + version} {
		var out bytes.Buffer
		if err := dispatch(t.Context(), []string{word}, &out); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: got %s, %v", word, out.String(), err)
		}
	}
}

func flagsIn(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

// realFlags are those that the command's own flag set lists.
func realFlags(t *testing.T, c command) []string {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = w
	_ = c.run(t.Context(), []string{"-h"}, io.Discard) // errUsage, but for version
	os.Stderr = stderr
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	return all // in order
}

// Ensure that SIGHUP asks for a reload, and ends the demo only when its terminal
// has gone.
func TestHangupsAreSorted(t *testing.T) {
	pgtest.Leaks(t)
	var attached atomic.Bool
	attached.Store(true)
	ctx, reloads, stop := sortHangups(context.Background(), attached.Load)
	defer stop()
	hangUp := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp()
	select {
	case <-reloads:
	case <-time.After(time.Minute):
		t.Fatal("no reload")
	}
	if ctx.Err() != nil {
		t.Error("a reload has ended the context")
	}
	attached.Store(false)
	hangUp()
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("not ended")
	}
}
