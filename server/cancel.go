package server

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"sync"
)

// cancels finds sessions by the keys that their clients hold.
type cancels struct {
	mu       sync.Mutex // guards sessions
	sessions map[uint32]*entry
}

// entry is what a cancel request must prove, and what it does.
type entry struct {
	secret []byte
	cancel func() // called on any goroutine
}

// beyondPIDs is in every process id that is made up, lest somebody terminates a
// stranger by it: Linux goes up to 2^22.
const beyondPIDs = 1 << 30

// add invents a key for a session; secret has n bytes. The process id is a real one,
// as far as it is given and no other node's has the same number.
func (c *cancels) add(pid uint32, n int, cancel func()) (_ uint32, secret []byte) {
	secret = make([]byte, n)
	_, _ = rand.Read(secret) // never fails
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid == 0 || c.sessions[pid] != nil {
		var b [4]byte
		_, _ = rand.Read(b[:])
		pid = binary.BigEndian.Uint32(b[:])&0x7fffffff | beyondPIDs // they are positive
	}
	c.sessions[pid] = &entry{secret, cancel}
	return pid, secret
}

func (c *cancels) remove(pid uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, pid)
}

// fire carries out a cancel request if its key is right. The client learns
// nothing either way.
func (c *cancels) fire(pid uint32, secret []byte) {
	c.mu.Lock()
	e := c.sessions[pid]
	c.mu.Unlock()
	if e != nil && subtle.ConstantTimeCompare(e.secret, secret) == 1 {
		e.cancel()
	}
}

// cancel is what a cancel request does to the session, on its loop: the running
// statement is cancelled on its node, a waiting one leaves the line.
func (s *session) cancel() {
	switch {
	case s.closed || s.turn == nil:
	case s.server == nil:
		s.canceled = true
		s.turn.task.Wake()
	case !s.turn.replies.empty():
		s.shard.srv.pools.Cancel(s.server)
	}
}
