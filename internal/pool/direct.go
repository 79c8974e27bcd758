package pool

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Direct is a connection that belongs to one client and to no pool: a
// replication connection. It has reached ReadyForQuery.
type Direct struct {
	Conn   net.Conn          // the holder closes it
	Params map[string]string // what the server said about its parameters

	pools   *Pools
	key     Key
	privacy encryption
	pid     uint32
	secret  []byte

	canceling atomic.Bool
}

// DialDirect connects outside the pools and their limits, within
// server_connect_timeout. params, names and values alternating, go into the
// start-up packet behind user and database. The error is a *DialError. It blocks.
func (p *Pools) DialDirect(k Key, params ...string) (*Direct, error) {
	ctx, stop := context.WithTimeout(p.ctx, p.config().ConnectTimeout)
	defer stop()
	as := p.config().limitsOf(k).Login
	as.Params, as.Query = params, ""
	h, err := p.shakeHands(ctx, k, as)
	if err != nil {
		p.suspect(k.Node, err)
		return nil, err
	}
	_ = h.conn.socket.SetDeadline(time.Time{})
	return &Direct{Conn: h.conn, Params: h.out.params, pools: p, key: k,
		privacy: p.likewise(h.conn.tls), pid: h.out.pid, secret: h.out.secret}, nil
}

// Node is the node that the connection leads to.
func (d *Direct) Node() cluster.NodeID { return d.key.Node }

// Cancel asks the node to cancel what d is running, unless it is being asked. It
// does not block.
func (d *Direct) Cancel() {
	if !d.canceling.CompareAndSwap(false, true) {
		return
	}
	d.pools.work.Go(func() {
		defer d.canceling.Store(false)
		d.pools.sendCancel(d.key.Node, d.privacy, d.pid, d.secret)
	})
}
