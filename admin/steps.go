package admin

import (
	"fmt"
	"sync"
	"time"
)

// steps carries progress from a command to its session. The command never waits
// for the client.
type steps struct {
	began time.Time
	wake  chan struct{} // one slot: there is something to take

	mu    sync.Mutex
	texts []string
}

func newSteps(began time.Time) *steps {
	return &steps{began: began, wake: make(chan struct{}, 1)}
}

// add notes a step with the time since the command began.
func (s *steps) add(text string, now time.Time) {
	s.mu.Lock()
	s.texts = append(s.texts, fmt.Sprintf("%s (%.3f s)", text, now.Sub(s.began).Seconds()))
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns the steps noted since the last call.
func (s *steps) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts := s.texts
	s.texts = nil
	return texts
}
