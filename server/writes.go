package server

import (
	"sync"
	"sync/atomic"
	"time"
)

// tracking says whether the time of the newest write is noted. Only sessions of global
// consistency need it, so it begins with the first of them.
type tracking struct {
	once sync.Once
	on   atomic.Bool
}

// trackWrites has writes noted from now on. What was acknowledged before counts as
// acknowledged now.
func (s *Server) trackWrites() {
	s.tracking.once.Do(func() {
		s.tracking.on.Store(true)
		s.wrote(time.Now())
	})
}

// wrote notes that a write of any session was acknowledged at a time.
func (s *Server) wrote(at time.Time) {
	if !s.tracking.on.Load() {
		return
	}
	n := int64(at.Sub(s.started))
	for old := s.lastWrite.Load(); n > old && !s.lastWrite.CompareAndSwap(old, n); {
		old = s.lastWrite.Load()
	}
}

// newestWrite is the time of the last write acknowledged to any session; zero when none
// was noted.
func (s *Server) newestWrite() time.Time {
	if n := s.lastWrite.Load(); n > 0 {
		return s.started.Add(time.Duration(n))
	}
	return time.Time{}
}
