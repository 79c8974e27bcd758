package walreceiver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

func TestSegmentNames(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		position cluster.LSN
		size     uint64
		want     string
	}{
		{0x3000060, 16 << 20, "000000070000000000000003"},
		{0x1FF000000, 16 << 20, "0000000700000001000000FF"},
		{0x200000000, 16 << 20, "000000070000000200000000"},
		{0x2C0000001, gib, "000000070000000200000003"},
	} {
		s := segmentOf(7, c.position, c.size)
		if got := s.fileName(c.size); got != c.want {
			t.Errorf("%s with segments of %d: %s, want %s", c.position, c.size, got, c.want)
		}
		if back, partial, ok := parseSegment(c.want+".partial", c.size); back != s || !partial || !ok {
			t.Errorf("%s.partial is read as %+v %v %v", c.want, back, partial, ok)
		}
	}
	for _, name := range []string{"00000007.history", "000000070000000000000003.gz", "0000000700000002000000FF"} {
		if _, _, ok := parseSegment(name, gib); ok {
			t.Errorf("%s is taken for a segment", name)
		}
	}
}

func TestOnHistory(t *testing.T) {
	// 1 was left at 0x250 for 2, that at 0x300 for 5; the server is on 5.
	ancestors, err := cluster.ParseHistory("1\t0/250\tno recovery target specified\n\n2\t0/300\tx # y\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		timeline   cluster.Timeline
		start      cluster.LSN
		wantOn     cluster.Timeline
		wantFrom   cluster.LSN
		wantRefuse bool
	}{
		{1, 0x100, 1, 0x100, false},
		{1, 0x250, 1, 0x250, false},
		{1, 0x300, 2, 0x200, false}, // beyond the switch: back to its segment
		{2, 0x400, 5, 0x300, false},
		{5, 0x400, 5, 0x400, false},
		{3, 0x100, 0, 0, true},
	} {
		on, from, err := onHistory(ancestors, 5, c.timeline, c.start, 0x100)
		if on != c.wantOn || from != c.wantFrom || (err != nil) != c.wantRefuse {
			t.Errorf("timeline %d at %s: go on with %d at %s, %v", c.timeline, c.start, on, from, err)
		}
	}
}

func directory(t *testing.T, path string) *Directory {
	t.Helper()
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// segments of this size make small tests.
const small = 64

// first are the bytes of a segment's first page up to the system identifier 7.
var first = strings.Repeat("h", 24) + "\a\x00\x00\x00\x00\x00\x00\x00"

func wantTail(t *testing.T, d *Directory, want Tail) {
	t.Helper()
	got, err := d.Tail(small)
	if err != nil || got != want {
		t.Errorf("tail %+v, %v, want %+v", got, err, want)
	}
}

func TestDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wal")
	d := directory(t, path)
	if _, err := OpenDirectory(path); err == nil {
		t.Error("a second receiver may write there")
	}
	wantTail(t, d, Tail{})
	w := writer{dir: d}
	w.begin(1, small)
	text := first + strings.Repeat("x", small-len(first)) + "the next one"
	for _, b := range text { // byte by byte, over the end of a segment
		if err := w.write(w.written, []byte{byte(b)}); err != nil {
			t.Fatal(err)
		}
	}
	if w.flushed != 2*small || w.written != 2*small+12 {
		t.Errorf("written %s, flushed %s", w.written, w.flushed)
	}
	if err := w.write(small, []byte("y")); err == nil {
		t.Error("a gap in the log is accepted")
	}
	if err := w.flush(); err != nil || w.flushed != w.written {
		t.Errorf("flush: %v, %s", err, w.flushed)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "000000010000000000000001", text[:small])
	wantFile(t, path, "000000010000000000000002.partial", text[small:]+strings.Repeat("\x00", small-12))
	wantTail(t, d, Tail{1, 2 * small, ""})
	write(t, path, "000000010000000000000002.partial", first) // as a crash while padding leaves it
	wantTail(t, d, Tail{1, 2 * small, "7"})
	write(t, path, "000000020000000000000001.partial", "")
	wantTail(t, d, Tail{2, small, ""})
	write(t, path, "000000010000000000000009", "short")
	if _, err := d.Tail(small); err == nil || !strings.Contains(err.Error(), "has 5 bytes") {
		t.Errorf("a short segment: %v", err)
	}
}

func TestHistoryFiles(t *testing.T) {
	path := t.TempDir()
	d := directory(t, path)
	for _, c := range []struct {
		timeline cluster.Timeline
		want     bool
	}{{1, true}, {0x1A, false}} {
		if got, err := d.HasHistory(c.timeline); got != c.want || err != nil {
			t.Errorf("timeline %d: %v, %v", c.timeline, got, err)
		}
	}
	if err := d.SaveHistory(0x1A, "1 0/1 why\n"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, "0000001A.history", "1 0/1 why\n")
	if got, err := d.HasHistory(0x1A); !got || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, dir, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != want {
		t.Errorf("%s has %q, %v, want %q", name, got, err, want)
	}
}

func TestStatusUpdate(t *testing.T) {
	f := Feedback{Write: 3, Flush: 2, Apply: 1, Now: time.Unix(postgresEpoch+1, 0), RequestReply: true}
	want := "r\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x0f\x42\x40\x01"
	if got := string(encode(f)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("w\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04tttttttt" + "log"))
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x03tttttttt\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if (err == nil) != (m.Kind == Data || m.Kind == Keepalive) {
			t.Errorf("%q: %+v, %v", b, m, err)
		}
		if m.Kind == Data && len(m.Bytes) != len(b)-dataHeader {
			t.Errorf("%d bytes of %d", len(m.Bytes), len(b))
		}
	})
}
