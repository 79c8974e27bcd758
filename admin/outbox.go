package admin

import (
	"fmt"
	"io"

	"github.com/jackc/pgproto3/v2"
)

// outbox collects messages and writes them in one piece. Its error is sticky.
type outbox struct {
	w   io.Writer
	buf []byte
	err error
}

func (o *outbox) add(m pgproto3.BackendMessage) {
	buf, err := m.Encode(o.buf)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("console: encode %T: %w", m, err)
	}
	if err == nil {
		o.buf = buf
	}
}

func (o *outbox) flush() error {
	if o.err == nil && len(o.buf) > 0 {
		if _, err := o.w.Write(o.buf); err != nil {
			o.err = fmt.Errorf("console: write to client: %w", err)
		}
	}
	o.buf = o.buf[:0]
	return o.err
}
