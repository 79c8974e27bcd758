package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// LogEnd is the end of the write-ahead log in a data directory.
type LogEnd struct {
	Timeline cluster.Timeline
	History  []cluster.Ancestor // of Timeline, from its history file
	// End is behind the start of the last whole record and not behind its end:
	// whoever has the log up to End has that record, if it is the same log.
	End cluster.LSN
}

// LogEnd reads the log of a stopped server from its last checkpoint on, the newest
// timeline that there is. What follows the last whole record does not count: a
// server would not replay it.
func (i *Instance) LogEnd(ctx context.Context) (LogEnd, error) {
	c, err := i.Control(ctx)
	if err != nil {
		return LogEnd{}, err
	}
	last, newest, err := i.newestSegment()
	if err != nil {
		return LogEnd{}, i.fail("end of the log", err)
	}
	e := LogEnd{Timeline: newest}
	if e.History, err = i.history(newest); err != nil {
		return LogEnd{}, i.fail("end of the log", err)
	}
	from := c.RedoLSN
	if n := len(e.History); newest != c.Timeline && n > 0 {
		from = e.History[n-1].Switch
	}
	if e.End, err = i.lastRecord(ctx, from, last, uint64(c.WALSegmentSize)); err != nil {
		return LogEnd{}, i.fail("end of the log", err)
	}
	return e, nil
}

var segmentFile = regexp.MustCompile(`^[0-9A-F]{24}$`)

// newestSegment is the last file of the newest timeline in pg_wal.
func (i *Instance) newestSegment() (name string, t cluster.Timeline, err error) {
	entries, err := i.machine.ReadDir(i.file("pg_wal"))
	for _, e := range entries {
		if segmentFile.MatchString(e.Name()) {
			name = max(name, e.Name())
		}
	}
	if err == nil && name == "" {
		err = errors.New("there are no segments in pg_wal")
	}
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(name[:8], 16, 32)
	return name, cluster.Timeline(n), err
}

// history reads the file that the server has of a timeline; the first has none.
func (i *Instance) history(t cluster.Timeline) ([]cluster.Ancestor, error) {
	text, err := i.machine.ReadFile(filepath.Join(i.file("pg_wal"), fmt.Sprintf("%08X.history", uint32(t))))
	if errors.Is(err, fs.ErrNotExist) && t == 1 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return cluster.ParseHistory(string(text))
}

// lastRecord has pg_waldump read until it fails, or up to the end of the last file.
// The files are named: it would take the segment size from any, also an empty one.
func (i *Instance) lastRecord(ctx context.Context, from cluster.LSN, last string, size uint64) (cluster.LSN, error) {
	first := fmt.Sprintf("%s%08X%08X", last[:8], uint64(from)>>32, uint64(from)&0xffffffff/size)
	_, err := i.run(ctx, Command{Path: "pg_waldump", Args: []string{"-z", "-p", i.file("pg_wal"), "-s", from.String(), first, last}})
	if err == nil {
		return segmentEnd(last[8:16], last[16:], size)
	}
	var exit *ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	switch m := brokenRecord.FindStringSubmatch(exit.Stderr); {
	case m != nil:
		at, err := cluster.ParseLSN(m[1])
		return at + 1, err
	case strings.Contains(exit.Stderr, "could not find a valid record after"):
		return from, nil
	}
	if m := missingSegment.FindStringSubmatch(exit.Stderr); m != nil && m[1]+m[2] != first[8:] {
		end, err := segmentEnd(m[1], m[2], size)
		return end - cluster.LSN(size), err
	}
	return 0, err
}

var (
	brokenRecord   = regexp.MustCompile(`error in WAL record at ([0-9A-F]+/[0-9A-F]+)`)
	missingSegment = regexp.MustCompile(`could not (?:find|open|locate) file "(?:[^"]*/)?[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})"`)
)

// segmentEnd is behind the last byte of a segment, by the two halves of its number.
func segmentEnd(high, low string, size uint64) (cluster.LSN, error) {
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	return cluster.LSN(h<<32 + (l+1)*size), errors.Join(err1, err2)
}
