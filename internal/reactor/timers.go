package reactor

import (
	"container/heap"
	"time"
)

// timers orders the tasks that wait with a deadline, the earliest first.
type timers []*Task

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap.Interface's.
func (h *timers) Push(x any) {
	t := x.(*Task)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop is heap.Interface's.
func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

func (h *timers) set(t *Task, deadline time.Time) {
	t.deadline = deadline
	heap.Push(h, t)
}

func (h *timers) clear(t *Task) { heap.Remove(h, t.index) }

// expire marks and returns the earliest task whose deadline is not after now.
func (h *timers) expire(now time.Time) *Task {
	if len(*h) == 0 || (*h)[0].deadline.After(now) {
		return nil
	}
	t := heap.Pop(h).(*Task)
	t.expired = true
	return t
}
