package server

// buffer is a window [r:w) of bytes in an array.
type buffer struct {
	b    []byte
	r, w int
}

const (
	bufferSize = 16 << 10 // of a turn's buffers, when it starts
	maxKept    = 64 << 10 // larger arrays are not kept for the next turn
	maxGather  = 1 << 20  // frames beyond it are streamed, not looked at whole
	maxError   = 64 << 20 // but for errors, up to this
)

func (b *buffer) data() []byte { return b.b[b.r:b.w] }

func (b *buffer) consume(n int) {
	if b.r += n; b.r == b.w {
		b.r, b.w = 0, 0
	}
}

// room is where more may be read to; the window moves to the front for it.
func (b *buffer) room() []byte {
	if b.b == nil {
		b.b = make([]byte, bufferSize)
	}
	if b.r > 0 && b.w == len(b.b) {
		b.w = copy(b.b, b.b[b.r:b.w])
		b.r = 0
	}
	return b.b[b.w:]
}

// fit makes the array large enough for a window of n bytes.
func (b *buffer) fit(n int) {
	if n <= len(b.b) {
		return
	}
	next := make([]byte, max(n, 2*len(b.b)))
	b.w = copy(next, b.data())
	b.r, b.b = 0, next
}

func (b *buffer) reset() {
	b.r, b.w = 0, 0
	if len(b.b) > maxKept {
		b.b = nil
	}
}
