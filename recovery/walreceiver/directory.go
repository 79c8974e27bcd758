package walreceiver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Directory is where the log is kept. One process at a time may have it open.
type Directory struct {
	path   string
	handle *os.File // locked, and synced to make names durable
	size   uint64   // of a segment in bytes
}

// OpenDirectory makes path if it is missing (mode 0700) and locks it.
func OpenDirectory(path string) (*Directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	handle, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(handle.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		err = fmt.Errorf("lock %s, another receiver may be writing there: %w", path, err)
		return nil, errors.Join(err, handle.Close())
	}
	return &Directory{path: path, handle: handle}, nil
}

// Close unlocks the directory.
func (d *Directory) Close() error { return d.handle.Close() }

// Tail is the end of what a Directory has.
type Tail struct {
	Timeline cluster.Timeline // 0 when there are no segments
	Next     cluster.LSN      // where to go on, the first byte of a segment
	System   string           // identifier of the cluster, "" when it is not known
}

// Tail looks for the newest segment of the newest timeline: if it is .partial, that
// is to be received again. size is that of a segment in bytes.
func (d *Directory) Tail(size uint64) (Tail, error) {
	d.size = size
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return Tail{}, err
	}
	var newest segment
	var file string
	for _, e := range entries {
		s, partial, ok := parseSegment(e.Name(), size)
		if !ok {
			continue
		}
		if !partial {
			if err := d.checkComplete(e); err != nil {
				return Tail{}, err
			}
			s.number++ // go on behind it
		}
		if s.timeline > newest.timeline || s.timeline == newest.timeline && s.number >= newest.number {
			newest, file = s, e.Name()
		}
	}
	t := Tail{Timeline: newest.timeline, Next: newest.start(size)}
	if file != "" {
		t.System, err = d.systemOf(file)
	}
	return t, err
}

// systemOf reads the identifier in the header of a segment's first page: xlp_sysid
// of XLogLongPageHeaderData, in the byte order of the servers.
func (d *Directory) systemOf(name string) (string, error) {
	f, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	var id [8]byte
	const offset = 24
	if _, err := f.ReadAt(id[:], offset); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if id == [8]byte{} {
		return "", nil // nothing has been received yet
	}
	return strconv.FormatUint(binary.NativeEndian.Uint64(id[:]), 10), nil
}

func (d *Directory) checkComplete(e fs.DirEntry) error {
	info, err := e.Info()
	if err == nil && uint64(info.Size()) != d.size {
		err = fmt.Errorf("%s has %d bytes, a segment of this cluster has %d: move it away, or correct the directory",
			filepath.Join(d.path, e.Name()), info.Size(), d.size)
	}
	return err
}

// HasHistory reports whether the timeline's history file is there; the first
// timeline needs none.
func (d *Directory) HasHistory(t cluster.Timeline) (bool, error) {
	if t == 1 {
		return true, nil
	}
	_, err := os.Stat(filepath.Join(d.path, historyName(t)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// SaveHistory writes a history file, whole or not at all.
func (d *Directory) SaveHistory(t cluster.Timeline, content string) error {
	path := filepath.Join(d.path, historyName(t))
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return d.handle.Sync()
}
