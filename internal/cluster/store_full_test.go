package cluster

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// A store that has been written once can be written when the disk is full, with more
// than it held.
func TestStoreOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Logf("no file system can be made here: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := reopen(t, dir)
	if err := s.Save(Record{Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(dir, "filler"))
	for range 3 {
		if err := s.Save(full); err != nil {
			t.Fatal(err)
		}
	}
	if got := reopen(t, dir).Load(); !reflect.DeepEqual(got, full) {
		t.Errorf("read back as %+v", got)
	}
}

// fill leaves not one byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 1 << 20 {
		if _, err := f.Write(make([]byte, 1<<10)); err != nil {
			return
		}
	}
	t.Fatal("the disk was not full after a gigabyte")
}
