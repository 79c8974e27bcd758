package recovery

import "github.com/pgherd/pgherd/internal/cluster"

// Options says how a node is to be brought back. By makes them.
type Options struct {
	Procedure Procedure      // Undecided leaves it to Diagnose
	Limit     Procedure      // do no more than this; Undecided for no limit
	Force     bool           // also a node that is in service and streams
	Source    cluster.NodeID // whose files are copied: a standby; NoNode for the primary
	MaxRate   string         // as Config.MaxRate; "" for that one
	KeepOld   bool           // keep the former data directory, also without Config.KeepOld
}

// By is a recovery by a procedure, and as configured.
func By(p Procedure) Options { return Options{Procedure: p, Source: cluster.NoNode} }
