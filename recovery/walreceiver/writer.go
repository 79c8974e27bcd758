package walreceiver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pgherd/pgherd/internal/cluster"
)

// writer puts the log of one timeline into a directory's segments.
type writer struct {
	dir      *Directory
	timeline cluster.Timeline
	file     *os.File    // the segment that holds written; nil at its first byte
	written  cluster.LSN // the next byte to come
	flushed  cluster.LSN // what is before it survives a crash
}

// fileError is a failure of the directory. What has been written since the last
// flush may be lost, whatever a further fsync says: the file must be given up.
type fileError struct{ err error }

func (e *fileError) Error() string { return "write-ahead log directory: " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

func asFileError(err error) error {
	if err == nil {
		return nil
	}
	return &fileError{err}
}

// begin goes on with a timeline at the first byte of a segment.
func (w *writer) begin(t cluster.Timeline, start cluster.LSN) {
	w.timeline, w.written, w.flushed = t, start, start
}

// write takes bytes that begin at start.
func (w *writer) write(start cluster.LSN, b []byte) error {
	if start != w.written {
		return fmt.Errorf("the server sent the log from %s, expected it from %s", start, w.written)
	}
	for len(b) > 0 {
		offset := uint64(w.written) % w.dir.size
		if w.file == nil {
			if err := w.open(); err != nil {
				return asFileError(err)
			}
		}
		n := min(uint64(len(b)), w.dir.size-offset)
		if _, err := w.file.WriteAt(b[:n], int64(offset)); err != nil {
			return asFileError(err)
		}
		w.written, b = w.written+cluster.LSN(n), b[n:]
		if offset+n == w.dir.size {
			if err := w.complete(); err != nil {
				return asFileError(err)
			}
		}
	}
	return nil
}

// path of the segment that ends with or holds the last byte before end.
func (w *writer) path(position cluster.LSN) string {
	return filepath.Join(w.dir.path, segmentOf(w.timeline, position, w.dir.size).fileName(w.dir.size))
}

// open opens or makes the .partial segment at its full size, so that a full disk
// shows now, and its name is durable before anything in it is reported.
func (w *writer) open() error {
	f, err := os.OpenFile(w.path(w.written)+partialSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := pad(f, w.dir.size); err != nil {
		return errors.Join(err, f.Close())
	}
	w.file = f
	return errors.Join(f.Sync(), w.dir.handle.Sync())
}

// pad appends zeros up to size.
func pad(f *os.File, size uint64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := uint64(info.Size()); at < size; {
		n, err := f.WriteAt(zeros[:min(uint64(len(zeros)), size-at)], int64(at))
		if err != nil {
			return err
		}
		at += uint64(n)
	}
	if uint64(info.Size()) > size {
		return fmt.Errorf("%s is longer than a segment of this cluster, %d bytes", f.Name(), size)
	}
	return nil
}

// complete gives the full segment its name.
func (w *writer) complete() error {
	path := w.path(w.written - 1)
	if err := w.close(); err != nil {
		return err
	}
	if err := os.Rename(path+partialSuffix, path); err != nil {
		return err
	}
	if err := w.dir.handle.Sync(); err != nil {
		return err
	}
	w.flushed = w.written
	return nil
}

// flush makes durable what is written.
func (w *writer) flush() error {
	if w.file == nil || w.flushed == w.written {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return asFileError(err)
	}
	w.flushed = w.written
	return nil
}

// close flushes and lets go of the segment, which stays .partial.
func (w *writer) close() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	return errors.Join(f.Sync(), f.Close())
}
