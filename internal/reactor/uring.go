package reactor

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The part of linux/io_uring.h that is used here.
const (
	setupCQSize       = 1 << 3
	setupDisabled     = 1 << 6
	setupSubmitAll    = 1 << 7
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13

	featSingleMmap = 1 << 0
	featNoDrop     = 1 << 1
	featExtArg     = 1 << 8

	enterGetEvents = 1 << 0
	enterExtArg    = 1 << 3

	registerEventfd     = 4
	registerEnableRings = 12
	registerBufferRing  = 22

	opPollAdd     = 6
	opAsyncCancel = 14
	opSend        = 26
	opRecv        = 27

	sqeBufferSelect = 1 << 5
	recvPollFirst   = 1 << 0
	recvMultishot   = 1 << 1

	cqeBuffer      = 1 << 0
	cqeMore        = 1 << 1
	cqeBufferShift = 16

	cqEventfdDisabled = 1 << 0

	offsetSQEs = 0x10000000
)

// Requests and completions go round in these, and so do receive buffers: the fewer
// they are, the less of the processor's cache they take from everybody else. What
// does not fit in takes another call; the kernel loses nothing (featNoDrop).
const (
	sqEntries = 128
	cqEntries = 512
)

// sqe is struct io_uring_sqe: a request.
type sqe struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off           uint64
	addr          uint64
	len           uint32
	opFlags       uint32
	userData      uint64
	buffer        uint16 // group
	personality   uint16
	spliceFd      int32
	_             [2]uint64
}

// cqe is struct io_uring_cqe: what became of a request.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// uringParams is struct io_uring_params.
type uringParams struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wqFd uint32
	_                                                      [3]uint32
	sq                                                     struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// ring is an io_uring: requests and completions in memory shared with the
// kernel. All requests of one turn of the loop go to it in one system call,
// which waits for completions as well.
type ring struct {
	fd int

	requests []sqe
	sqHead   *uint32 // the kernel's
	sqTail   *uint32
	tail     uint32 // of what is filled in
	writes   int    // among what is not submitted yet

	completions    []cqe
	cqHead, cqTail *uint32 // the tail is the kernel's
	cqFlags        *uint32

	mapped  [][]byte
	timeout waitArg
	receive receiveBuffers
	send    sendBuffers
}

// waitArg is struct io_uring_getevents_arg and the time it points to.
type waitArg struct {
	sigmask     uint64
	sigmaskSize uint32
	minWait     uint32
	ts          *unix.Timespec
	time        unix.Timespec
}

// newRing sets up a ring that enable has yet to give to its thread. An error
// means that the kernel has none to offer: it is older than 6.1, or forbids it.
func newRing() (*ring, error) {
	p := uringParams{cqEntries: cqEntries,
		flags: setupCQSize | setupDisabled | setupSubmitAll | setupSingleIssuer | setupDeferTaskrun}
	fd, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, sqEntries, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	r := &ring{fd: int(fd)}
	if err := r.mapRings(&p); err != nil {
		r.close()
		return nil, err
	}
	if err := r.provideBuffers(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) mapRings(p *uringParams) error {
	const need = featSingleMmap | featNoDrop | featExtArg
	if p.features&need != need {
		return fmt.Errorf("io_uring: features %#x of the kernel are too few", p.features)
	}
	size := max(p.sq.array+p.sqEntries*4, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(cqe{})))
	shared, err := r.mmap(r.fd, 0, int(size))
	if err != nil {
		return err
	}
	entries, err := r.mmap(r.fd, offsetSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})))
	if err != nil {
		return err
	}
	word := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&shared[offset])) }
	r.sqHead, r.sqTail, r.cqHead, r.cqTail = word(p.sq.head), word(p.sq.tail), word(p.cq.head), word(p.cq.tail)
	r.cqFlags = word(p.cq.flags)
	r.requests = unsafe.Slice((*sqe)(unsafe.Pointer(&entries[0])), p.sqEntries)
	r.completions = unsafe.Slice((*cqe)(unsafe.Pointer(&shared[p.cq.cqes])), p.cqEntries)
	for i := range p.sqEntries {
		*word(p.sq.array + i*4) = i // a request stands where its index says
	}
	return nil
}

// mmap maps size bytes of fd, or of nothing when that is -1.
func (r *ring) mmap(fd int, offset int64, size int) ([]byte, error) {
	flags := unix.MAP_SHARED | unix.MAP_POPULATE
	if fd < 0 {
		flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	}
	b, err := unix.Mmap(fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, fmt.Errorf("io_uring: mmap: %w", err)
	}
	r.mapped = append(r.mapped, b)
	return b, nil
}

// enable gives the ring to the calling thread: no other may use it from now on.
// eventfd tells of completions while signal(true).
func (r *ring) enable(eventfd int) error {
	if err := r.register(registerEnableRings, nil, 0); err != nil {
		return err
	}
	fd := int32(eventfd)
	return r.register(registerEventfd, unsafe.Pointer(&fd), 1)
}

func (r *ring) register(operation uintptr, arg unsafe.Pointer, count uintptr) error {
	_, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), operation, uintptr(arg), count, 0, 0)
	if errno != 0 {
		return fmt.Errorf("io_uring_register: %w", errno)
	}
	return nil
}

// signal switches the eventfd on or off. What has come before it was switched on is
// told by nobody.
func (r *ring) signal(on bool) {
	flags := uint32(cqEventfdDisabled)
	if on {
		flags = 0
	}
	atomic.StoreUint32(r.cqFlags, flags)
}

func (r *ring) close() {
	unix.Close(r.fd)
	for _, b := range r.mapped {
		_ = unix.Munmap(b)
	}
}

// request returns the next free request, cleared. It goes out with the next
// submit or wait.
func (r *ring) request() *sqe {
	for r.tail-atomic.LoadUint32(r.sqHead) == uint32(len(r.requests)) {
		r.submit()
	}
	e := &r.requests[r.tail&uint32(len(r.requests)-1)]
	r.tail++
	*e = sqe{}
	return e
}

// submit hands over what has been requested and waits for nothing. What the
// kernel does not take for want of memory goes with the next call.
func (r *ring) submit() {
	r.writes = 0
	atomic.StoreUint32(r.sqTail, r.tail)
	_, _, _ = syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.tail-atomic.LoadUint32(r.sqHead)), 0, enterGetEvents, 0, 0)
}

// wait submits, and returns as soon as there is a completion, after a signal, or
// when ms milliseconds have passed; -1 is for ever. quietly tells the Go
// scheduler nothing of it, and expects that the writes are through at once, which
// is not worth coming back for: should one not be, an event may wait for ms.
func (r *ring) wait(ms int, quietly bool) error {
	enter, enough := syscall.Syscall6, 1
	if quietly {
		enter, enough = syscall.RawSyscall6, 1+r.writes
	}
	r.writes = 0
	atomic.StoreUint32(r.sqTail, r.tail)
	r.timeout.ts = nil
	if ms >= 0 {
		r.timeout.time = unix.NsecToTimespec(int64(ms) * int64(time.Millisecond))
		r.timeout.ts = &r.timeout.time
	}
	_, _, errno := enter(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.tail-atomic.LoadUint32(r.sqHead)), uintptr(enough),
		enterGetEvents|enterExtArg|1<<7, uintptr(unsafe.Pointer(&r.timeout)), unsafe.Offsetof(r.timeout.time))
	switch errno {
	case 0, unix.ETIME, unix.EINTR, unix.EAGAIN, unix.EBUSY:
		return nil
	}
	return fmt.Errorf("io_uring_enter: %w", errno)
}

// pending reports whether there are requests that the kernel has not got.
func (r *ring) pending() bool { return r.tail != atomic.LoadUint32(r.sqHead) }

// come reports whether there are completions.
func (r *ring) come() bool { return *r.cqHead != atomic.LoadUint32(r.cqTail) }

// reap appends the completions that have come to list.
func (r *ring) reap(list []cqe) []cqe {
	head, tail := *r.cqHead, atomic.LoadUint32(r.cqTail)
	for ; head != tail; head++ {
		list = append(list, r.completions[head&uint32(len(r.completions)-1)])
	}
	atomic.StoreUint32(r.cqHead, head)
	return list
}
