package walreceiver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgherd/pgherd/internal/cluster"
)

// script is a Transport whose links answer each query with messages.
type script struct {
	t       *testing.T
	answers []answer // of all links, in order
	asked   []string
	told    []Feedback
	waiting []pgproto3.BackendMessage
}

type answer struct {
	query    string // its beginning
	messages []pgproto3.BackendMessage
}

func (s *script) Dial(context.Context, string) (Link, error) {
	s.waiting = nil
	return s, nil
}

func (s *script) Send(messages ...pgproto3.FrontendMessage) error {
	for _, message := range messages {
		switch m := message.(type) {
		case *pgproto3.Query:
			s.asked = append(s.asked, m.String)
			if len(s.answers) == 0 || !strings.HasPrefix(m.String, s.answers[0].query) {
				s.t.Errorf("unexpected query %q", m.String)
				return io.ErrClosedPipe
			}
			s.waiting, s.answers = s.answers[0].messages, s.answers[1:]
		case *pgproto3.CopyData:
			s.told = append(s.told, Feedback{Write: lsn(m.Data[1:]), Flush: lsn(m.Data[9:])})
		}
	}
	return nil
}

func (s *script) Receive(ctx context.Context, deadline time.Time) (pgproto3.BackendMessage, error) {
	if len(s.waiting) == 0 {
		if deadline.IsZero() {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, os.ErrDeadlineExceeded
	}
	m := s.waiting[0]
	s.waiting = s.waiting[1:]
	if m == hangUp {
		return nil, io.ErrUnexpectedEOF
	}
	return m, nil
}

func (s *script) Close() error { return nil }

// hangUp stands for a broken connection.
var hangUp pgproto3.BackendMessage = &pgproto3.PortalSuspended{}

func row(values ...string) []pgproto3.BackendMessage {
	r := &pgproto3.DataRow{}
	for _, v := range values {
		r.Values = append(r.Values, []byte(v))
	}
	return []pgproto3.BackendMessage{&pgproto3.RowDescription{}, r, &pgproto3.CommandComplete{}, &pgproto3.ReadyForQuery{}}
}

// stream is CopyBoth with data from start on.
func copyBoth(start cluster.LSN, text string, then ...pgproto3.BackendMessage) []pgproto3.BackendMessage {
	b := append([]byte{'w'}, make([]byte, dataHeader-1)...)
	binary.BigEndian.PutUint64(b[1:], uint64(start))
	data := &pgproto3.CopyData{Data: append(b, text...)}
	return slices.Concat([]pgproto3.BackendMessage{&pgproto3.CopyBothResponse{}, data}, then)
}

// archiver of a script, with segments of 64 bytes.
func (s *script) run(dir string, cfg Config) error {
	s.t.Helper()
	d := directory(s.t, dir)
	defer d.Close()
	find := func(context.Context) (Upstream, error) { return Upstream{Name: "node 0"}, nil }
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	a := NewArchiver(cfg, d, s, find, func() float64 { return 0 }, hclog.NewNullLogger())
	err := a.Run(ctx)
	if len(s.answers) > 0 || ctx.Err() != nil {
		s.t.Errorf("after %q: not asked %v, %v", s.asked, s.answers, ctx.Err())
	}
	return err
}

// A connection breaks in the middle of a segment, and a timeline ends in it.
func TestTimelineSwitchAndReconnect(t *testing.T) {
	part := first + "this was the part before"
	reserve := []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Code: "0A000"}, &pgproto3.ReadyForQuery{}} // before PostgreSQL 15
	end := append([]pgproto3.BackendMessage{&pgproto3.CopyDone{}}, row("2", "0/60")...)
	s := &script{t: t, answers: []answer{
		{"IDENTIFY_SYSTEM", row("7", "1", "0/55", "")},
		{"SHOW wal_segment_size", row("64B")},
		{"READ_REPLICATION_SLOT", reserve},
		{"CREATE_REPLICATION_SLOT", row("s", "0/50", "", "")},
		{`START_REPLICATION SLOT "s" PHYSICAL 0/40 TIMELINE 1`, copyBoth(0x40, part[:9], hangUp)},
		{"IDENTIFY_SYSTEM", row("7", "2", "0/85", "")},
		{"SHOW wal_segment_size", row("64B")},
		{"READ_REPLICATION_SLOT", row("physical", "0/40", "1")},
		{"TIMELINE_HISTORY 2", row("00000002.history", "1\t0/60\tx\n")},
		{`START_REPLICATION SLOT "s" PHYSICAL 0/40 TIMELINE 1`, copyBoth(0x40, part[:32], end...)},
		{"TIMELINE_HISTORY 2", row("00000002.history", "1\t0/60\tx\n")},
		{`START_REPLICATION SLOT "s" PHYSICAL 0/40 TIMELINE 2`, copyBoth(0x40, part+"and after")},
	}}
	dir := t.TempDir()
	if err := s.run(dir, Config{Slot: "s", Flushing: FlushEverything, End: 0x81}); err != nil {
		t.Fatal(err)
	}
	text := part + "and after"
	wantFile(t, dir, "00000002.history", "1\t0/60\tx\n")
	wantFile(t, dir, "000000010000000000000001.partial", text[:32]+strings.Repeat("\x00", 32))
	wantFile(t, dir, "000000020000000000000001", text[:64])
	wantFile(t, dir, "000000020000000000000002.partial", text[64:]+strings.Repeat("\x00", 128-len(text)))
	if last := s.told[len(s.told)-1]; last.Write != 0x81 || last.Flush != 0x81 {
		t.Errorf("told %+v", s.told)
	}
}

func TestForeignServer(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "000000010000000000000001", first+strings.Repeat("x", small-len(first)))
	s := &script{t: t, answers: []answer{
		{"IDENTIFY_SYSTEM", row("8", "1", "0/55", "")},
		{"SHOW wal_segment_size", row("64B")},
	}}
	if err := s.run(dir, Config{}); !errors.Is(err, ErrForeign) {
		t.Errorf("got %v, want %v", err, ErrForeign)
	}
}

// A timeline whose end is known is told without a stream.
func TestTimelineThatHasEnded(t *testing.T) {
	s := &script{t: t, answers: []answer{{"START_REPLICATION", row("3", "0/40")}}}
	c := NewConn(s)
	if err := c.Connect(t.Context(), "", "", 2, 0x40); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(Feedback{}); !errors.Is(err, ErrNotConnected) {
		t.Errorf("status update: %v", err)
	}
	m, err := c.Receive(t.Context(), 0)
	if err != nil || m.Kind != TimelineEnd || m.Timeline != 3 || m.Start != 0x40 {
		t.Errorf("%+v, %v", m, err)
	}
	if err := errors.Join(c.Disconnect(), c.Disconnect()); err != nil {
		t.Error(err)
	}
}

// An error of the server leaves the connection good for another question.
func TestRefusal(t *testing.T) {
	refusal := []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Code: "58P01", Message: "already removed"}, &pgproto3.ReadyForQuery{}}
	s := &script{t: t, answers: []answer{{"START_REPLICATION", refusal}, {"IDENTIFY_SYSTEM", row("7", "1", "0/55", "")}}}
	c := NewConn(s)
	if err := c.Connect(t.Context(), "", "", 1, 0x40); !hasCode(err, "58P01") {
		t.Errorf("got %v", err)
	}
	if id, err := c.Identify(t.Context()); err != nil || id != (Identity{"7", 1, 0x55}) {
		t.Errorf("%+v, %v", id, err)
	}
}
