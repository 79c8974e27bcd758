package reactor

// pace is how much happens at a time: events for each turn of the loop, on average.
type pace struct {
	average int // in 65536ths of an event
	busy    bool
}

// A turn in which much happens is cheaper on the ring, whose requests go out
// together; with little to do epoll answers faster. Between the two limits the
// way stays as it is.
const (
	one      = 1 << 16
	busyFrom = 5 * one / 2
	calmFrom = 3 * one / 2
	window   = 256 // turns
)

// note takes a turn into account and reports whether the pace has changed; it is
// calm at first.
func (p *pace) note(events int) bool {
	p.average += (events*one - p.average) / window
	was := p.busy
	p.busy = p.average >= busyFrom || (p.busy && p.average > calmFrom)
	return p.busy != was
}
