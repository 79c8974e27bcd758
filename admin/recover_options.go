package admin

import (
	"context"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// RecoverOptions says how a node is to be brought back. What RECOVER NODE takes
// beside the node ends up here.
type RecoverOptions struct {
	Mode    RecoverMode
	Force   bool           // also a node that is in service and streams
	Source  cluster.NodeID // whose files are copied; NoNode for the primary's
	MaxRate config.Size    // of the copy, bytes per second; 0 as configured
	KeepOld bool           // keep the data directory that is replaced, whatever is configured
}

const recoverUsage = "n [FOLLOW | REWIND | REBUILD] [FORCE] [WITH (source = n, max_rate = '50MB', keep_old | two_stage)]"

// recovery is a RECOVER NODE as it was parsed. Which nodes there are is looked up
// when it runs.
type recovery struct {
	node, source token // source is zero without the option
	twoStage     bool
	options      RecoverOptions
}

func parseRecovery(a *args) (recovery, error) {
	r := recovery{options: RecoverOptions{Source: cluster.NoNode}}
	var err error
	if r.node, err = a.number("a node number"); err != nil {
		return r, err
	}
	r.options.Mode = recoverMode(a)
	r.options.Force = a.try("FORCE")
	if err := a.options(r.known()); err != nil {
		return r, err
	}
	if err := a.end(); err != nil {
		return r, err
	}
	return r, r.settle()
}

// settle gives two_stage its mode. Its scripts know nothing of the other options.
func (r *recovery) settle() error {
	o := &r.options
	if !r.twoStage {
		return nil
	}
	if o.Mode != RecoverAny || r.source != (token{}) || o.MaxRate != 0 || o.KeepOld {
		return newError(codeInvalidParameter, "two_stage stands alone: the scripts decide how the node is recovered").
			withHint("leave the procedure and the other options out, or leave two_stage out")
	}
	o.Mode = RecoverTwoStage
	return nil
}

// known are the options of WITH.
func (r *recovery) known() []option {
	return []option{
		{"source", "a node number", r.setSource},
		{"max_rate", "a size such as '50MB'", r.setMaxRate},
		{"keep_old", "", func(token) error { r.options.KeepOld = true; return nil }},
		{"two_stage", "", func(token) error { r.twoStage = true; return nil }},
	}
}

func (r *recovery) setSource(value token) error {
	if value.kind != tokenNumber {
		return value.invalid("source is the number of a node, not %s", value.text)
	}
	r.source = value
	return nil
}

// BASE_BACKUP takes MAX_RATE from 32 kB to 1 GB a second.
const leastRate, mostRate config.Size = 32 << 10, 1 << 30

func (r *recovery) setMaxRate(value token) (err error) {
	r.options.MaxRate, err = config.ParseSize(value.literal())
	if err != nil || r.options.MaxRate < leastRate || r.options.MaxRate > mostRate {
		return value.invalid("max_rate is a size per second from %s to %s such as '50MB', not %s", leastRate, mostRate, value.text)
	}
	return nil
}

// on runs use with the nodes that are meant.
func (r recovery) on(ctx context.Context, board *cluster.Board, use func(context.Context, cluster.NodeID, RecoverOptions) error) error {
	node, err := findNode(board, r.node)
	if err != nil {
		return err
	}
	if r.source != (token{}) {
		if r.options.Source, err = findNode(board, r.source); err != nil {
			return err
		}
	}
	return use(ctx, node, r.options)
}
