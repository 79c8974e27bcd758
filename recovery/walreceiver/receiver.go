package walreceiver

import (
	"context"
	"errors"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Receiver is PostgreSQL's walreceiver API (src/include/replication/walreceiver.h).
type Receiver interface {
	// Connect begins to stream timeline from start on, which is best the first
	// byte of a segment. slot may be "". On a connection that is open, because
	// questions were asked or a timeline has ended, it goes on there.
	Connect(ctx context.Context, conninfo, slot string, timeline cluster.Timeline, start cluster.LSN) error
	// Receive waits for the next message, Nothing after timeout. With a timeout
	// of 0 it gives what has arrived together with the message before.
	Receive(ctx context.Context, timeout time.Duration) (Message, error)
	// Send tells the server how far the log is safe here.
	Send(Feedback) error
	Disconnect() error
}

// Kind says which fields of a Message mean something.
type Kind int

const (
	Nothing     Kind = iota // the time is over
	Data                    // Start, Bytes, End
	Keepalive               // End, ReplyRequested
	TimelineEnd             // Timeline goes on, from Start; the connection is open for Connect
)

// Message is one that a walsender sends in a stream (PostgreSQL documentation,
// "Streaming Replication Protocol", XLogData and Primary keepalive message).
type Message struct {
	Kind           Kind
	Start          cluster.LSN // of Bytes, or of the next timeline
	Bytes          []byte      // valid until the next Receive
	End            cluster.LSN // of the log on the server
	ReplyRequested bool
	Timeline       cluster.Timeline
}

// Feedback is a Standby status update. Positions are those of the first byte
// that is not safe yet; 0 is unknown.
type Feedback struct {
	Write, Flush, Apply cluster.LSN
	Now                 time.Time
	RequestReply        bool
}

// ErrShutdown says that the server has sent all of its log and stops.
var ErrShutdown = errors.New("the server is shutting down")

// ErrNotConnected is a call that needs Connect first.
var ErrNotConnected = errors.New("not connected")
