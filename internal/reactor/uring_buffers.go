package reactor

import (
	"sync/atomic"
	"unsafe"
)

const (
	smallSize = 4 << 10 // of a buffer; what is larger does without
	// Buffers stand a cache line further apart than their size, lest the first
	// lines of all fall into the same few places of the processor's cache.
	smallStride = smallSize + 64
	smallCount  = 128 // a power of two, for the kernel's sake
)

// receiveBuffers are what the kernel takes for data that arrives
// (IORING_REGISTER_PBUF_RING): a socket that waits needs none.
type receiveBuffers struct {
	memory []byte
	ring   []bufferEntry
	tail   *uint16 // shared
	chunks [smallCount]chunk
}

// chunk is what a buffer holds for a Conn.
type chunk struct {
	size int16
	next int16 // the Conn's next buffer, 1 more than its number; 0 for none
}

func (b *receiveBuffers) data(id int16) []byte { return slot(b.memory, int(id))[:b.chunks[id].size] }

// bufferEntry is struct io_uring_buf.
type bufferEntry struct {
	addr uint64
	len  uint32
	id   uint16
	resv uint16 // of the first entry: the tail
}

// bufferRegistration is struct io_uring_buf_reg.
type bufferRegistration struct {
	addr    uint64
	entries uint32
	group   uint16
	flags   uint16
	_       [3]uint64
}

// sendBuffers hold what is to be sent until the kernel has done so.
type sendBuffers struct {
	memory []byte
	free   []int16
}

func (r *ring) provideBuffers() error {
	memory, err := r.mmap(-1, 0, 2*smallCount*smallStride)
	if err != nil {
		return err
	}
	shared, err := r.mmap(-1, 0, smallCount*int(unsafe.Sizeof(bufferEntry{})))
	if err != nil {
		return err
	}
	half := len(memory) / 2
	r.receive = receiveBuffers{memory: memory[:half], ring: unsafe.Slice((*bufferEntry)(unsafe.Pointer(&shared[0])), smallCount)}
	r.receive.tail = &r.receive.ring[0].resv
	r.send = sendBuffers{memory: memory[half:], free: make([]int16, smallCount)}
	for i := range r.send.free {
		r.send.free[i] = int16(i)
	}
	reg := bufferRegistration{addr: uint64(uintptr(unsafe.Pointer(&shared[0]))), entries: smallCount}
	if err := r.register(registerBufferRing, unsafe.Pointer(&reg), 1); err != nil {
		return err
	}
	for id := range smallCount {
		r.receive.put(id)
	}
	return nil
}

func slot(memory []byte, id int) []byte { return memory[id*smallStride:][:smallSize:smallSize] }

// put gives a buffer to the kernel.
func (b *receiveBuffers) put(id int) {
	tail := *b.tail
	e := &b.ring[int(tail)&(smallCount-1)]
	e.addr, e.len, e.id = uint64(uintptr(unsafe.Pointer(&slot(b.memory, id)[0]))), smallSize, uint16(id)
	b.publish(tail + 1)
}

// publish stores the tail behind the entry. It shares a word with the id of the
// first entry, which only put changes.
func (b *receiveBuffers) publish(tail uint16) {
	word := (*uint32)(unsafe.Pointer(&b.ring[0].id))
	atomic.StoreUint32(word, uint32(b.ring[0].id)|uint32(tail)<<16)
}

// fill copies data into a free buffer; -1 when there is none or data is too large.
func (b *sendBuffers) fill(data []byte) int {
	if len(b.free) == 0 || len(data) > smallSize {
		return -1
	}
	id := b.free[len(b.free)-1]
	b.free = b.free[:len(b.free)-1]
	copy(slot(b.memory, int(id)), data)
	return int(id)
}

func (b *sendBuffers) put(id int) { b.free = append(b.free, int16(id)) }
