package recovery

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// fork is where the log of the node parted from the primary's.
type fork struct {
	at    cluster.LSN
	own   cluster.LSN // where the node's present timeline begins to be its own
	bytes uint64      // of log that it alone has
}

// forkOf follows both histories as far as they are the same.
func forkOf(s *Source, l *Log) fork {
	theirs := append(append([]cluster.Ancestor{}, s.History...), cluster.Ancestor{Timeline: s.Timeline, Switch: s.Position})
	own := append(append([]cluster.Ancestor{}, l.History...), cluster.Ancestor{Timeline: l.Timeline, Switch: l.End})
	var f fork
	for i := range min(len(theirs), len(own)) {
		if theirs[i].Timeline != own[i].Timeline {
			break
		}
		f.at = min(theirs[i].Switch, own[i].Switch)
		if theirs[i].Switch != own[i].Switch {
			break
		}
	}
	f.own = f.at
	if n := len(l.History); n > 0 {
		f.own = max(f.at, l.History[n-1].Switch)
	}
	if l.End > f.at {
		f.bytes = l.End.Sub(f.at)
	}
	return f
}

// alone is what the node has and the primary has not, and the procedure takes back;
// "" for nothing. That it cannot be found out stops nothing.
func (p prepared) alone(ctx context.Context) string {
	l := p.facts.Target.Log
	if l == nil || p.procedure == Follow {
		return ""
	}
	f := forkOf(p.facts.Source, l)
	if f.bytes == 0 {
		return ""
	}
	commits, err := p.instance.Commits(ctx, l.Timeline, f.own, l.End)
	return fmt.Sprintf("%s of log, %s to %s of timeline %d, with %s", size(int64(f.bytes)), f.at, l.End, l.Timeline, transactions(commits, err))
}

// tellLoss says what the node alone has before it is taken back.
func (r *repair) tellLoss(ctx context.Context) {
	if lost := r.alone(ctx); lost != "" {
		r.job.lose(lost)
		r.warn("what node " + strconv.Itoa(int(r.node.ID)) + " alone has is taken back: " + lost)
	}
}

// shownIDs is how many transactions are named.
const shownIDs = 10

// transactions says how many there are, and which.
func transactions(c host.Commits, err error) string {
	if err != nil {
		return "an unknown number of transactions: " + err.Error()
	}
	text := fmt.Sprintf("%d committed transactions", len(c.IDs))
	if len(c.IDs) == 1 {
		text = "1 committed transaction"
	}
	if !c.All {
		text = "at least " + text
	}
	if len(c.IDs) == 0 {
		return text
	}
	var ids []string
	for _, id := range c.IDs[:min(shownIDs, len(c.IDs))] {
		ids = append(ids, strconv.FormatUint(uint64(id), 10))
	}
	if len(c.IDs) > shownIDs {
		ids = append(ids, "...")
	}
	return fmt.Sprintf("%s (%s), the last at %s", text, strings.Join(ids, " "), c.Last)
}
