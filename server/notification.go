package server

import (
	"encoding/binary"

	"github.com/pgherd/pgherd/internal/wire"
)

// ownNotification has a notification that the session's server has sent to itself say
// so: applications compare its process id with the one that they got at login.
func (s *session) ownNotification(frame []byte) {
	if pid := frame[wire.HeaderLen:]; len(pid) >= 4 && binary.BigEndian.Uint32(pid) == s.server.PID {
		binary.BigEndian.PutUint32(pid, s.key)
	}
}
