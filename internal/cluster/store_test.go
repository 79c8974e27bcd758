package cluster

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var full = Record{
	SystemIdentifier: "7000000000000000001", Epoch: 3, Primary: 1,
	Switches: []Switch{{Ended: 1, LSN: 0x500, Complete: true}, {Ended: 2, LSN: 0x900, By: Cause{Kind: "failover", From: 0, To: 1, At: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}}},
	Nodes:    []string{"a:5432", "b:5432", "c:5432"},
	Down:     []NodeID{2}, Synchronous: Synchronous{Acks: 1, Members: []NodeID{0, 2}, Others: 1}, Promised: true, Astray: []NodeID{1},
	Journal: &Entry{Kind: "promote", From: 0, To: 1, Phase: "rejoin", Since: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
}

// saved makes a store that holds full, and tells its file.
func saved(t *testing.T) (s *Store, dir, file string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "not", "there", "yet")
	s = reopen(t, dir)
	if err := s.Save(full); err != nil {
		t.Fatal(err)
	}
	return s, dir, filepath.Join(dir, "pgherd.state")
}

func reopen(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoreRemembers(t *testing.T) {
	s, dir, file := saved(t)
	if got := reopen(t, dir).Load(); !reflect.DeepEqual(got, full) {
		t.Errorf("read back as %+v", got)
	}
	back := full
	back.Down, back.Journal = nil, nil
	if err := s.Save(back); err != nil {
		t.Fatal(err)
	}
	if got := reopen(t, dir).Load(); !reflect.DeepEqual(got, back) {
		t.Errorf("read back as %+v", got)
	}
	for path, want := range map[string]os.FileMode{file: 0o600, dir: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", path, info, err, want)
		}
	}
}

func TestStoreIsEmptyAtFirst(t *testing.T) {
	if got := reopen(t, t.TempDir()).Load(); !reflect.DeepEqual(got, Record{Primary: NoNode}) {
		t.Errorf("got %+v", got)
	}
}

func TestStoreRefusesAnOlderEpoch(t *testing.T) {
	s, dir, _ := saved(t)
	old := full
	old.Epoch, old.Primary = 2, 0
	if err := s.Save(old); !errors.Is(err, ErrStaleEpoch) {
		t.Errorf("got %v", err)
	}
	if got := reopen(t, dir).Load(); !reflect.DeepEqual(got, full) || !reflect.DeepEqual(s.Load(), full) {
		t.Errorf("after the refusal: %+v in the file, %+v in the store", got, s.Load())
	}
}

// Every single damaged byte is noticed, and so is every cut.
func TestStoreSeesDamage(t *testing.T) {
	_, dir, file := saved(t)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	good = append(bytes.TrimRight(good, "\n"), '\n') // what follows is padding
	damage := [][]byte{{}, []byte("null"), []byte("{}"), []byte(`{"Version":1,"CRC32":0,"Record":null}`),
		bytes.Replace(good, []byte(`"Version":1`), []byte(`"Version":2`), 1), append(bytes.Clone(good), 'x')}
	for i := range good[:len(good)-1] { // the last one is the line's end
		damage = append(damage, good[:i])
		if flipped := bytes.Clone(good); inRecord(good, i) {
			flipped[i] ^= 1
			damage = append(damage, flipped)
		}
	}
	for _, data := range damage {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenStore(dir)
		if s != nil || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%q was opened: %v", data, err)
		}
		if text := err.Error(); !strings.Contains(text, file) || !strings.Contains(text, "move the file away") {
			t.Fatalf("no file or no remedy in %q", text)
		}
	}
	// The remedy works.
	if err := os.Rename(file, file+".damaged"); err != nil {
		t.Fatal(err)
	}
	if got := reopen(t, dir).Load(); got.Primary != NoNode {
		t.Errorf("after the remedy: %+v", got)
	}
}

func inRecord(data []byte, i int) bool {
	return i >= bytes.Index(data, []byte(`"Record":`))+len(`"Record":`) && i < bytes.LastIndexByte(data, '}')
}

// A crash while a record is written leaves a part of it beside the old one.
func TestStoreAfterACrash(t *testing.T) {
	_, dir, file := saved(t)
	if err := os.WriteFile(file+".tmp", []byte(`{"Version":1,"CRC32":12`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, dir)
	if got := s.Load(); !reflect.DeepEqual(got, full) {
		t.Errorf("read back as %+v", got)
	}
	next := full
	next.Epoch++
	if err := s.Save(next); err != nil {
		t.Fatal(err)
	}
	if got := reopen(t, dir).Load(); !reflect.DeepEqual(got, next) {
		t.Errorf("read back as %+v", got)
	}
	if err := s.Save(full); !errors.Is(err, ErrStaleEpoch) {
		t.Errorf("an older epoch after that: %v", err)
	}
}

// What cannot be written is not remembered either.
func TestStoreThatCannotBeWritten(t *testing.T) {
	s, dir, file := saved(t)
	if err := errors.Join(os.Remove(file+".tmp"), os.Mkdir(file+".tmp", 0o700)); err != nil {
		t.Fatal(err)
	}
	next := full
	next.Epoch++
	if err := s.Save(next); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	if got := reopen(t, dir).Load(); !reflect.DeepEqual(got, full) || !reflect.DeepEqual(s.Load(), full) {
		t.Errorf("after the failure: %+v in the file, %+v in the store", got, s.Load())
	}
}
