package walreceiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgherd/pgherd/internal/cluster"
)

// phase is what a Conn can be asked for.
type phase int

const (
	closed    phase = iota // Open or Connect
	open                   // questions, Connect
	streaming              // Receive, Send
	ended                  // Receive tells the end of a timeline that was known at once
)

// Conn is a Receiver on a replication connection.
type Conn struct {
	transport Transport
	link      Link
	phase     phase
	next      Message // of phase ended
}

var _ Receiver = (*Conn)(nil)

// NewConn returns a Conn that is not connected.
func NewConn(t Transport) *Conn { return &Conn{transport: t} }

// Open connects to a server without streaming, so that it can be asked.
func (c *Conn) Open(ctx context.Context, conninfo string) error {
	link, err := c.transport.Dial(ctx, conninfo)
	if err != nil {
		return err
	}
	c.link, c.phase = link, open
	return nil
}

// Connect sends START_REPLICATION.
func (c *Conn) Connect(ctx context.Context, conninfo, slot string, timeline cluster.Timeline, start cluster.LSN) error {
	if c.phase == closed {
		if err := c.Open(ctx, conninfo); err != nil {
			return err
		}
	}
	if c.phase != open {
		return errors.New("the connection streams already")
	}
	if err := c.link.Send(&pgproto3.Query{String: startReplication(slot, timeline, start)}); err != nil {
		return err
	}
	return c.awaitStart(ctx)
}

func startReplication(slot string, timeline cluster.Timeline, start cluster.LSN) string {
	if slot != "" {
		slot = "SLOT " + quoted(slot) + " "
	}
	return fmt.Sprintf("START_REPLICATION %sPHYSICAL %s TIMELINE %d", slot, start, timeline)
}

// awaitStart reads the answer: a stream, or where the next timeline begins if
// this one has nothing more to send.
func (c *Conn) awaitStart(ctx context.Context) error {
	for {
		message, err := c.receive(ctx, time.Time{})
		if err != nil {
			return c.settle(ctx, err)
		}
		switch m := message.(type) {
		case *pgproto3.CopyBothResponse:
			c.phase = streaming
			return nil
		case *pgproto3.RowDescription:
			c.next, err = c.nextTimeline(ctx)
			c.phase = ended
			return err
		case *pgproto3.CommandComplete, *pgproto3.ReadyForQuery:
			return fmt.Errorf("unexpected answer to START_REPLICATION: %T", m)
		}
	}
}

// Receive passes over messages that are not about the log.
func (c *Conn) Receive(ctx context.Context, timeout time.Duration) (Message, error) {
	if c.phase == ended {
		c.phase = open
		return c.next, nil
	}
	if c.phase != streaming {
		return Message{}, ErrNotConnected
	}
	deadline := time.Now().Add(timeout)
	for {
		message, err := c.receive(ctx, deadline)
		if isTimeout(err) && ctx.Err() == nil {
			return Message{}, nil
		}
		if err != nil {
			return Message{}, err
		}
		switch m := message.(type) {
		case *pgproto3.CopyData:
			return decode(m.Data)
		case *pgproto3.CopyDone:
			return c.endTimeline(ctx)
		case *pgproto3.CommandComplete:
			return Message{}, ErrShutdown
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// endTimeline answers the server's CopyDone.
func (c *Conn) endTimeline(ctx context.Context) (Message, error) {
	c.phase = open
	if err := c.link.Send(&pgproto3.CopyDone{}); err != nil {
		return Message{}, err
	}
	return c.nextTimeline(ctx)
}

// Send writes a Standby status update.
func (c *Conn) Send(f Feedback) error {
	if c.phase != streaming {
		return ErrNotConnected
	}
	return c.link.Send(&pgproto3.CopyData{Data: encode(f)})
}

// Disconnect says goodbye if it can. It may be called in every state.
func (c *Conn) Disconnect() error {
	if c.phase == closed {
		return nil
	}
	link := c.link
	c.link, c.phase = nil, closed
	_ = link.Send(&pgproto3.Terminate{}) // the server may be gone
	return link.Close()
}

// receive turns the server's errors, and the end of ctx, into errors.
func (c *Conn) receive(ctx context.Context, deadline time.Time) (pgproto3.BackendMessage, error) {
	message, err := c.link.Receive(ctx, deadline)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if e, bad := message.(*pgproto3.ErrorResponse); bad && err == nil {
		return nil, pgconn.ErrorResponseToPgError(e)
	}
	return message, err
}
