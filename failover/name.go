package failover

import (
	"context"
	"sync"
	"time"
)

// name is the name of a node's machine, with the addresses that it had last. A name
// server that fails says nothing of the node: then these are tried.
type name struct {
	resolve func(ctx context.Context, host string) ([]string, error)
	mu      sync.Mutex // guards last: two tries may be under way
	last    []string
}

// nameTimeout is how long a name server may take when there are addresses to go by.
const nameTimeout = 100 * time.Millisecond

// lookup is a pgconn.LookupFunc.
func (n *name) lookup(ctx context.Context, host string) ([]string, error) {
	known := n.known()
	if known != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, nameTimeout)
		defer cancel()
	}
	found, err := n.resolve(ctx, host)
	if err != nil && known != nil {
		return known, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = found
	return found, err
}

func (n *name) known() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}
