package host

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Control is what pg_controldata says of a data directory.
type Control struct {
	SystemIdentifier    string
	State               string // as PostgreSQL says it: "in production", "shut down", ...
	Timeline            cluster.Timeline
	CheckpointLSN       cluster.LSN // start of the latest checkpoint record
	RedoLSN             cluster.LSN
	Horizon             uint32      // a transaction id: older ones had ended by the latest checkpoint
	MinRecoveryEnd      cluster.LSN // 0 unless recovery must reach it to be consistent
	MinRecoveryTimeline cluster.Timeline
	WALLogHints         bool
	Checksums           bool
	WALSegmentSize      int // bytes
	MajorVersion        int // of PG_VERSION
}

// CleanlyStopped tells a primary after its shutdown checkpoint, or a standby
// stopped in order, from one that crashed or runs.
func (c Control) CleanlyStopped() bool {
	return c.State == "shut down" || c.State == "shut down in recovery"
}

// Control reads the control file, also of a running server.
func (i *Instance) Control(ctx context.Context) (Control, error) {
	out, err := i.run(ctx, Command{Path: "pg_controldata", Args: []string{"-D", i.node.DataDirectory}})
	if err != nil {
		return Control{}, i.fail("control data", err)
	}
	c, err := parseControl(out)
	if err != nil {
		return Control{}, i.fail("control data", err)
	}
	c.MajorVersion, err = MajorVersion(i.machine, i.node.DataDirectory)
	return c, err
}

// parseControl reads pg_controldata's "label: value" lines in the C locale.
func parseControl(out []byte) (Control, error) {
	f := fields{values: map[string]string{}}
	for line := range bytes.Lines(out) {
		label, value, ok := strings.Cut(string(line), ":")
		if ok {
			f.values[label] = strings.TrimSpace(value)
		}
	}
	c := Control{
		SystemIdentifier:    f.text("Database system identifier"),
		State:               f.text("Database cluster state"),
		Timeline:            cluster.Timeline(f.number("Latest checkpoint's TimeLineID", 32)),
		CheckpointLSN:       f.lsn("Latest checkpoint location"),
		RedoLSN:             f.lsn("Latest checkpoint's REDO location"),
		Horizon:             f.horizon(),
		MinRecoveryEnd:      f.lsn("Minimum recovery ending location"),
		MinRecoveryTimeline: cluster.Timeline(f.number("Min recovery ending loc's timeline", 32)),
		WALLogHints:         f.text("wal_log_hints setting") == "on",
		Checksums:           f.number("Data page checksum version", 32) != 0,
		WALSegmentSize:      int(f.number("Bytes per WAL segment", 31)),
	}
	return c, f.err
}

// fields looks values up by label and keeps the first error.
type fields struct {
	values map[string]string
	err    error
}

func (f *fields) text(label string) string {
	v, ok := f.values[label]
	if !ok {
		f.fail(fmt.Errorf("pg_controldata printed no %q", label))
	}
	return v
}

func (f *fields) number(label string, bits int) uint64 {
	n, err := strconv.ParseUint(f.text(label), 10, bits)
	f.fail(err)
	return n
}

// horizon is that of the transactions that ran, or the next id when none did.
func (f *fields) horizon() uint32 {
	if oldest := f.number("Latest checkpoint's oldestActiveXID", 32); oldest != 0 {
		return uint32(oldest)
	}
	_, next, _ := strings.Cut(f.text("Latest checkpoint's NextXID"), ":") // behind its epoch
	n, err := strconv.ParseUint(next, 10, 32)
	f.fail(err)
	return uint32(n)
}

func (f *fields) lsn(label string) cluster.LSN {
	l, err := cluster.ParseLSN(f.text(label))
	f.fail(err)
	return l
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// ShutdownLSN is the end of the shutdown checkpoint record of a cleanly stopped
// primary, which is the end of its log: a standby that replayed up to there has
// everything. The record's length is pg_waldump's; its end is rounded up to the
// 8 bytes that records are aligned to.
func (i *Instance) ShutdownLSN(ctx context.Context) (cluster.LSN, error) {
	c, err := i.Control(ctx)
	if err != nil {
		return 0, err
	}
	if c.State != "shut down" {
		return 0, fmt.Errorf("node %d: it was not shut down in order as a primary: its state is %q", i.node.ID, c.State)
	}
	out, err := i.run(ctx, Command{Path: "pg_waldump", Args: []string{
		"-p", i.file("pg_wal"), "-t", strconv.Itoa(int(c.Timeline)), "-s", c.CheckpointLSN.String(), "-n", "1",
		segmentOf(c.Timeline, c.CheckpointLSN, uint64(c.WALSegmentSize)), // else it takes the segment size from any file, also from one that is still empty
	}})
	if err != nil {
		return 0, i.fail("shutdown checkpoint", err)
	}
	size, err := parseRecordSize(string(out))
	if err != nil {
		return 0, i.fail("shutdown checkpoint", err)
	}
	return recordEnd(c.CheckpointLSN, size, c.WALSegmentSize), nil
}

// parseRecordSize reads the total length in "rmgr: XLOG len (rec/tot):
// 114/   114, tx: ...".
func parseRecordSize(line string) (uint64, error) {
	_, rest, ok := strings.Cut(line, "len (rec/tot):")
	lengths, _, _ := strings.Cut(rest, ",")
	_, total, slash := strings.Cut(lengths, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(total), 10, 32)
	if !ok || !slash || err != nil || !strings.Contains(rest, "CHECKPOINT_SHUTDOWN") {
		return 0, fmt.Errorf("pg_waldump did not show a shutdown checkpoint but %q", strings.TrimSpace(line))
	}
	return n, nil
}

// The log's geometry: page headers are part of the byte positions.
const (
	walPage     = 8192 // XLOG_BLCKSZ as built by everybody
	shortHeader = 24
	longHeader  = 40 // of the first page of a segment
	alignment   = 8
)

// recordEnd is where a record of size bytes ends that starts at start.
func recordEnd(start cluster.LSN, size uint64, segment int) cluster.LSN {
	at := uint64(start)
	for size > 0 {
		room := walPage - at%walPage
		step := min(size, room)
		at, size = at+step, size-step
		if size > 0 {
			at += pageHeader(at, uint64(segment))
		}
	}
	return cluster.LSN((at + alignment - 1) / alignment * alignment)
}

func pageHeader(at, segment uint64) uint64 {
	if at%segment == 0 {
		return longHeader
	}
	return shortHeader
}
