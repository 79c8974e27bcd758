package admin

import (
	"strconv"

	"github.com/jackc/pgproto3/v2"
)

// sendCopy sends the rows of COPY ... TO STDOUT (protocol, section 55.2.6).
func (s *session) sendCopy(p *portal) error {
	s.out.add(&pgproto3.CopyOutResponse{ColumnFormatCodes: make([]uint16, len(p.copy.Columns))})
	if head := p.copy.Head(); head != nil {
		s.out.add(&pgproto3.CopyData{Data: head})
	}
	for i, row := range p.rows {
		s.out.add(&pgproto3.CopyData{Data: p.copy.Line(row)})
		if i%flushRows < flushRows-1 {
			continue
		}
		if s.out.flush() != nil {
			break
		}
		if s.interrupted() {
			p.rows = nil
			return newError(codeCanceled, "%s", errCancelRequest)
		}
	}
	s.out.add(&pgproto3.CopyDone{})
	s.out.add(&pgproto3.CommandComplete{CommandTag: []byte("COPY " + strconv.Itoa(len(p.rows)))})
	p.rows = nil
	return nil
}
