package walreceiver

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Lengths of headers in bytes, with the kind.
const (
	dataHeader      = 1 + 8 + 8 + 8 // start, end of the log, time
	keepaliveLength = 1 + 8 + 8 + 1 // end of the log, time, reply requested
	statusLength    = 1 + 8 + 8 + 8 + 8 + 1
)

// postgresEpoch is where the protocol's microseconds begin, in Unix seconds.
const postgresEpoch = 946684800 // 2000-01-01 00:00 UTC

// decode reads the body of a CopyData message.
func decode(b []byte) (Message, error) {
	switch {
	case len(b) >= dataHeader && b[0] == 'w':
		return Message{Kind: Data, Start: lsn(b[1:]), End: lsn(b[9:]), Bytes: b[dataHeader:]}, nil
	case len(b) == keepaliveLength && b[0] == 'k':
		return Message{Kind: Keepalive, End: lsn(b[1:]), ReplyRequested: b[17] != 0}, nil
	case len(b) == 0:
		return Message{}, fmt.Errorf("the server sent an empty message")
	}
	return Message{}, fmt.Errorf("the server sent a message %q of %d bytes, which is none of a stream", b[0], len(b))
}

func lsn(b []byte) cluster.LSN { return cluster.LSN(binary.BigEndian.Uint64(b)) }

// encode makes the body of a Standby status update.
func encode(f Feedback) []byte {
	b := make([]byte, 0, statusLength)
	b = append(b, 'r')
	for _, position := range []cluster.LSN{f.Write, f.Flush, f.Apply} {
		b = binary.BigEndian.AppendUint64(b, uint64(position))
	}
	b = binary.BigEndian.AppendUint64(b, uint64(f.Now.Sub(time.Unix(postgresEpoch, 0)).Microseconds()))
	if f.RequestReply {
		return append(b, 1)
	}
	return append(b, 0)
}
