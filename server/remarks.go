package server

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/routing"
	"github.com/pgherd/pgherd/sqlparse"
)

// remarks are what the statements of a batch say about their node, beside what they
// need of it.
type remarks struct {
	writes bool
	why    routing.Reason // of the first that writes
	hint   routing.Wish   // the first
	block  routing.Block
}

func (r *remarks) add(f *sqlparse.Facts, nodes int) {
	if f == nil {
		return
	}
	if !r.writes && needOf(f) == routing.Write {
		r.writes, r.why = true, routing.Cause(f)
	}
	if f.Traits.Has(sqlparse.Begins) {
		r.block = routing.BlockReads
	}
	if r.hint.Target == config.TargetAny {
		r.hint = hinted(f.Hint, nodes)
	}
}

// hinted is what a hint comes to; one that names no node of ours is ignored.
func hinted(h sqlparse.Hint, nodes int) routing.Wish {
	switch {
	case h.Kind == sqlparse.HintPrimary:
		return routing.Wish{Target: config.TargetPrimary, Ratio: 1}
	case h.Kind == sqlparse.HintStandby:
		return routing.Wish{Target: config.TargetStandby, Ratio: 1}
	case h.Kind == sqlparse.HintNode && h.Node < nodes:
		return routing.Wish{Target: config.TargetNode, Node: cluster.NodeID(h.Node), Ratio: 1}
	}
	return routing.Wish{}
}

// cause is why a batch must run on the primary.
func (u *turn) cause() routing.Reason {
	if !u.remarks.writes && u.session.primaryOnly() {
		return routing.SessionBound
	}
	return u.remarks.why
}

// input is what routing is to know for the batch that gather has looked at.
func (u *turn) input(need routing.Need) routing.Input {
	s := u.session
	srv := s.shard.srv
	c := srv.config()
	in := routing.Input{Need: need, Hint: u.remarks.hint, Block: u.remarks.block, Policy: c.Policy,
		Board: srv.board, Patience: c.CatchupWait, Roll: rand.Uint32()}
	if s.block.loose {
		in.Block = routing.BlockReads
	}
	if need == routing.Write {
		in.Why = u.cause()
		return in
	}
	in.LastWrite = srv.newestWrite()
	if s.route.Standby != cluster.NoNode {
		in.Now = time.Now()
	}
	return in
}

// decisions counts routes by node and reason. One loop adds, others look.
type decisions [][routing.Reasons]atomic.Uint64

// RouteCount is how many leases had a node for a reason since the start.
type RouteCount struct {
	Node   cluster.NodeID
	Reason routing.Reason
	Count  uint64
}

// Routes counts the decisions by node and reason, without those that never came.
func (s *Server) Routes() (list []RouteCount) {
	for node := range cluster.MaxNodes {
		for reason := range routing.Reasons {
			total := uint64(0)
			for _, sh := range s.shards {
				total += sh.decisions[node][reason].Load()
			}
			if total > 0 {
				list = append(list, RouteCount{cluster.NodeID(node), reason, total})
			}
		}
	}
	return list
}
