package recovery

import (
	"context"
	"fmt"
	"strings"
)

// archive saves the log that the node had completed and not archived: a rewind and a
// rebuild remove it, and nobody else may have it. Trouble is a warning, for the node
// is to come back also when the archive is what is broken.
func (r *repair) archive(ctx context.Context) {
	if r.procedure == Follow || r.facts.Target.Directory != DirReadable {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Timeout)
	defer cancel()
	done, err := r.instance.ArchiveReady(ctx)
	if len(done) > 0 {
		r.job.say("archived " + strings.Join(done, ", "))
	}
	if err != nil {
		r.warn(fmt.Sprintf("log of the node was not archived: %v", err))
	}
}
