package server

import (
	"fmt"
	"io"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/reactor"
	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// maxRequest is how much may wait to be sent to the server before no more is
// taken from the client.
const maxRequest = 256 << 10

// burst is how often a turn goes on, and reads within one step, before others on its
// loop have their turn: neither a copy nor a node that never stops talking is to hold
// them up. That is up to some megabytes.
const burst = 16

// turn is a full-duplex pump between a client and a server. Its buffers are
// lent by the shard for as long as anything is under way.
type turn struct {
	session *session
	task    *reactor.Task
	running bool  // serve is under way, or has panicked; false during a login
	err     error // why the session ends

	// From the client. The bytes of in are taken when they are encoded; they stay there
	// for as long as they may have to be sent again.
	in      buffer
	taken   int  // of in: encoded already
	before  int  // bytes of this turn that were in front of in
	passing int  // bytes of a frame that are still to be passed on to the server
	dropped bool // they are not: nobody wants that frame

	// What gather has found out about the batch that begins behind what is taken.
	ahead   []*sqlparse.Facts // of its Query and Parse frames, for encode
	unnamed *sqlparse.Facts   // of the unnamed statement, as its frames leave it
	remarks remarks
	batch   batch

	// To the server, and what it will answer.
	request []byte
	sent    int    // of request
	bound   string // the shared statement that the unnamed portal was made of last
	replies queue
	effects effects // of the batch being encoded
	holding bool    // the next frame waits for answers: see unsettled
	copying bool    // the server waits for what the client copies in
	parted  parted  // the batch under way goes on behind its end
	parsed  uint64  // texts by the parser, when others had their turn
	gaveWay bool    // in the present step: what has come meanwhile is still to be looked at

	// From the server to the client. The client gets local first, then what was scanned.
	reply    buffer
	scanned  int    // of reply: looked at and meant for the client
	relaying int    // bytes of a large frame that are still to be passed on to the client
	local    []byte // of our own making, or moved here to keep the order
	answered int    // bytes of both that belong to batches which will not be sent again

	// The batch being answered.
	failed   bool        // it has had an error
	withheld *wire.Error // shown instead of the server's next error: see showError
	inquiry  inquiry     // under way

	// Sending the batch again.
	replay   replay
	undoable []expected // answered, but the client has seen nothing of the batch's answer
	appeal   appeal

	// The transaction block, see block.go.
	tying   bool            // the batch under way makes its server the block's
	reading bool            // the batch under way takes a snapshot
	opening *sqlparse.Facts // BEGIN under way on a standby that the block may leave again

	skipping  bool            // after an error in a pipeline whose Sync has not come yet
	ended     *sqlparse.Facts // of what ends the orphaned transaction in this batch
	resetting bool            // the server carries out server_reset_query
}

// replay says whether the batch under way may be sent to another server.
type replay int

const (
	replayNever   replay = iota // no: the client has seen something of its answer, or its bytes are gone
	replayLater                 // no, for the same reason; but the batches behind it are kept, and only read
	replayRefused               // if the server refuses it: some of it was sent
	replayUnsent                // yes: nothing of it was sent
	replayRead                  // yes: it only reads
	replayEach                  // yes, and so may each of those behind it, which only read as well
)

// unsent reports whether the batch may be sent again although the fate of what the
// server got is unknown.
func (r replay) unsent() bool { return r >= replayUnsent }

// whole reports whether all of the batch is kept, and none of its answer has been seen.
func (r replay) whole() bool { return r >= replayRefused }

func (r replay) reads() bool { return r >= replayRead }

// byBatch reports whether batches are kept each until it is answered.
func (r replay) byBatch() bool { return r == replayEach || r == replayLater }

// clear makes the turn ready for another session. It keeps the arrays, unless they have
// grown large.
func (u *turn) clear() {
	u.in.reset()
	u.reply.reset()
	u.replies.clear()
	if cap(u.request) > maxKept {
		u.request = nil
	}
	if cap(u.local) > maxKept {
		u.local = nil
	}
	clear(u.ahead)
	*u = turn{in: u.in, reply: u.reply, request: u.request[:0], replies: u.replies, local: u.local[:0], ahead: u.ahead[:0]}
}

// serve pumps until everything is answered. The error ends the session.
func (u *turn) serve() error {
	u.parsed = u.session.shard.srv.parser.Parsed()
	for steps := 1; ; steps++ {
		if steps%burst == 0 {
			u.task.GiveWay()
		}
		moved, err := u.step()
		if err != nil {
			return err
		}
		if u.session.doomed != nil {
			return u.session.doomed
		}
		if u.settle() && !u.session.conn.Readable() {
			return nil
		}
		if !moved && !u.session.conn.Hung() {
			steps = 0
			u.task.Wait(time.Time{})
		} else if !moved {
			if err := u.outlive(); err != nil {
				return err
			}
		}
	}
}

// step moves what can be moved, in every direction.
func (u *turn) step() (moved bool, err error) {
	u.gaveWay = false
	read, err := u.receive()
	if err != nil {
		return false, err
	}
	encoded, err := u.advance()
	if err != nil {
		return false, err
	}
	wrote, err := u.send()
	if err != nil {
		return false, err
	}
	relayed, err := u.relay()
	if err != nil {
		return true, err
	}
	asked := u.inquire()
	return read || encoded || wrote || relayed || asked || u.gaveWay, nil
}

// outlive waits for the server although the client has closed its side: what it
// has asked for is carried out and answered, unless the server waits for more, or
// a transaction is open whose end can't come any more.
func (u *turn) outlive() error {
	if (u.starved() && !u.holding) || (u.replies.empty() && u.flushed()) || (u.session.tx != wire.TxIdle && !u.ends()) {
		return errGone
	}
	u.task.Wait(time.Time{})
	return nil
}

// starved reports whether the server can't go on without more from the client.
func (u *turn) starved() bool { return u.passing > 0 || u.copying || !u.replies.boundary }

// flushed reports whether the client has got everything that is there for it.
func (u *turn) flushed() bool { return len(u.local)+u.scanned == 0 }

// receive reads what the client has sent, as far as there is room.
func (u *turn) receive() (bool, error) {
	room := u.in.room()
	if len(room) == 0 || len(u.request)-u.sent > maxRequest {
		return false, nil
	}
	n, err := u.session.conn.TryRead(room)
	u.in.w += n
	u.session.tally.Received += uint64(n)
	if err == io.EOF {
		return n > 0, nil // it may only have closed its sending side: see outlive
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", errGone, err)
	}
	return n > 0, nil
}

// pending is what the client has sent and nobody has looked at.
func (u *turn) pending() []byte { return u.in.data()[u.taken:] }

// take marks n bytes as encoded. They are kept while they might be needed again.
func (u *turn) take(n int) {
	u.taken += n
	if u.replay == replayNever || (u.replay == replayRefused && u.taken > bufferSize/2) {
		u.commit()
	}
}

// commit gives up the chance to send the batch again.
func (u *turn) commit() {
	u.replay = replayNever
	u.forget(u.taken)
}

// forget drops the first n bytes of the client's, which were taken.
func (u *turn) forget(n int) {
	u.in.consume(n)
	u.taken -= n
	u.before += n
}

// begin notes that the client is about to see something of the answer to the batch under
// way: that one can't be sent again any more.
func (u *turn) begin() {
	u.undoable = u.undoable[:0]
	if u.replay.byBatch() {
		u.replay = replayLater
		return
	}
	u.commit()
}

// finish notes that a batch is answered, although the client may still have to get
// that: those behind it are kept. end is that of its bytes.
func (u *turn) finish(end int) {
	u.undoable = u.undoable[:0]
	switch {
	case !u.replay.byBatch():
	case u.session.tx != wire.TxIdle && !u.session.block.loose:
		u.commit()
	default:
		u.forget(max(0, end-u.before))
		u.answered = len(u.local) + u.scanned
		u.replay = replayEach
	}
}

// send writes what is meant for the server.
func (u *turn) send() (bool, error) {
	if u.sent == len(u.request) || u.session.server == nil {
		return false, nil
	}
	n, err := u.session.server.Conn.TryWrite(u.request[u.sent:])
	if u.sent += n; u.sent == len(u.request) {
		u.request, u.sent = u.request[:0], 0
	}
	if n > 0 && u.replay == replayUnsent {
		u.replay = replayRefused
	}
	if err != nil {
		return true, u.lost(err)
	}
	return n > 0, nil
}

// relay reads from the server and writes to the client.
func (u *turn) relay() (moved bool, err error) {
	for range burst {
		owed := !u.flushed()
		if blocked, err := u.flush(); blocked || err != nil {
			return moved, err
		}
		moved = moved || owed
		s := u.session.server
		if s == nil {
			return moved, nil
		}
		n, err := s.Conn.TryRead(u.reply.room())
		if err != nil {
			return true, u.lost(err)
		}
		if n == 0 {
			return moved, nil
		}
		moved = true
		u.reply.w += n
		if err := u.scan(); err != nil {
			return true, err
		}
	}
	return moved, nil
}

// flush writes to the client what is meant for it: local first, then the run of
// reply that was scanned. It reports whether something is left.
func (u *turn) flush() (blocked bool, err error) {
	if u.flushed() {
		return false, nil
	}
	if len(u.local) > 0 {
		u.detour()
		n, err := u.session.conn.TryWrite(u.local)
		u.gone(n)
		if err != nil {
			return false, fmt.Errorf("%w: %w", errGone, err)
		}
		u.local = u.local[:copy(u.local, u.local[n:])]
		return len(u.local) > 0, nil
	}
	n, err := u.session.conn.TryWrite(u.reply.data()[:u.scanned])
	if err != nil {
		return false, fmt.Errorf("%w: %w", errGone, err)
	}
	u.gone(n)
	u.scanned -= n
	u.reply.consume(n)
	return u.scanned > 0, nil
}

// gone notes that the client has got n bytes more.
func (u *turn) gone(n int) {
	u.session.tally.Sent += uint64(n)
	if u.answered -= n; u.answered < 0 {
		u.answered = 0
		u.begin()
	}
}

// detour moves the scanned run behind what is local, to keep the order.
func (u *turn) detour() {
	u.local = append(u.local, u.reply.data()[:u.scanned]...)
	u.reply.consume(u.scanned)
	u.scanned = 0
}

// settle ends the lease when nothing is under way, and reports whether the turn
// is over: everything answered, and nothing of the client's begun.
func (u *turn) settle() bool {
	s := u.session
	busy := !u.replies.empty() || u.passing > 0 || u.relaying > 0 || len(u.request) > 0 || u.skipping
	if busy || (s.server != nil && !u.replies.boundary) {
		return false
	}
	if s.server != nil && s.movable() {
		if reset := &s.shard.srv.config().Reset; reset.Always {
			u.releaseReset(reset.Query)
		} else {
			u.release()
		}
	}
	return len(u.pending()) == 0 && u.flushed()
}

// release returns the server to its pool; what was encoded is forgotten.
func (u *turn) release() {
	s := u.session
	u.commit()
	if u.reply.w != u.reply.r+u.scanned {
		s.dropServer() // it has said something that nobody asked for
		return
	}
	server := s.server
	s.server, s.unnamed.server = nil, nil
	server.Pool().Release(server)
}

// observe notes when an answer has shown something to the session. What counts is
// what its server's node was when it was chosen: an answer may come after the
// failover that has ended its epoch.
func (u *turn) observe(status wire.TxStatus) {
	s := u.session
	switch {
	case s.shard.srv.nodes() == 1: // no other can be behind it
		s.unobserved = true
		return
	case status != wire.TxIdle && s.role == cluster.Primary:
		return
	}
	now := time.Now()
	if s.role != cluster.Primary {
		s.route.NoteRead(s.server.Node(), now, s.epoch)
		return
	}
	s.route.Observe(now, s.epoch, s.wrote)
	if s.wrote {
		s.shard.srv.wrote(now)
	}
}

func (u *turn) primary() cluster.NodeID { return u.session.shard.srv.board.Current().Primary }
