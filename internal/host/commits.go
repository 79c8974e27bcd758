package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Commits are the transactions that a stretch of log commits.
type Commits struct {
	IDs  []uint32 // oldest first
	Last string   // when the last one was committed, as pg_waldump prints it; "" without any
	All  bool     // false when there may be more: the log broke off, or they are too many to list
}

// Commits reads the log of one timeline in pg_wal of a stopped server, up to its last
// whole record, which begins before end.
func (i *Instance) Commits(ctx context.Context, t cluster.Timeline, from, end cluster.LSN) (Commits, error) {
	c, err := i.Control(ctx)
	if err != nil {
		return Commits{}, err
	}
	segment := uint64(c.WALSegmentSize)
	out, err := i.run(ctx, Command{Path: "pg_waldump", Args: []string{
		"-p", i.file("pg_wal"), "-t", strconv.Itoa(int(t)), "-r", "Transaction", "-s", from.String(),
		segmentOf(t, from, segment), segmentOf(t, max(end-1, from), segment), // else it takes the segment size from any file
	}})
	found := parseCommits(out)
	found.All = err == nil || logEnds(err)
	if !found.All && len(found.IDs) == 0 {
		return found, i.fail(fmt.Sprintf("log of timeline %d in %s", t, filepath.Base(i.file("pg_wal"))), err)
	}
	return found, nil
}

// logEnds tells an error of pg_waldump's that the end of every log gives.
func logEnds(err error) bool {
	var exit *ExitError
	return errors.As(err, &exit) && !errors.Is(err, errTooMuch) &&
		(brokenRecord.MatchString(exit.Stderr) || missingSegment.MatchString(exit.Stderr))
}

// segmentOf is the file that holds a position.
func segmentOf(t cluster.Timeline, at cluster.LSN, segment uint64) string {
	return fmt.Sprintf("%08X%08X%08X", uint32(t), uint64(at)>>32, uint64(at)&0xffffffff/segment)
}

// commitRecord is a line such as "rmgr: Transaction len (rec/tot): 34/34, tx: 740,
// lsn: 0/01BA76B8, prev 0/01BA7680, desc: COMMIT 2024-05-06 07:08:09.123456 UTC; ...".
var commitRecord = regexp.MustCompile(`(?m)^rmgr: Transaction .* tx: +(\d+), .* desc: COMMIT(?:_PREPARED)? (?:(?:xid )?\d+: )?([0-9-]+ [0-9:.]+ [^;\s]+)`)

func parseCommits(out []byte) (c Commits) {
	for _, m := range commitRecord.FindAllSubmatch(out, -1) {
		id, err := strconv.ParseUint(string(m[1]), 10, 32)
		if err != nil {
			continue
		}
		c.IDs, c.Last = append(c.IDs, uint32(id)), string(m[2])
	}
	return c
}
