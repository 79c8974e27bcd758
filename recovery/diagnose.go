package recovery

import (
	"fmt"
	"slices"

	"github.com/pgherd/pgherd/internal/cluster"
)

// Log is the end of a node's write-ahead log as its data directory has it.
type Log struct {
	Timeline cluster.Timeline
	History  []cluster.Ancestor // of Timeline
	End      cluster.LSN        // as of host.LogEnd
	Segment  uint64             // size of a segment in bytes
	Redo     cluster.LSN        // what was written before has been in the files since the latest checkpoint
	Horizon  string             // a transaction id: older ones had ended by the latest checkpoint
	Standby  bool               // it was one when it was last running
	Clean    bool               // it was stopped in order
	Hints    bool               // it has checksums, or wal_log_hints was on
}

// Diagnose chooses the cheapest procedure that brings the node back, and says why:
// whether its log is part of the source's decides. What speaks against a procedure
// of the source's side, such as a lack of space, is Plan's.
func Diagnose(s *Source, t *Target) (Procedure, string) {
	switch {
	case t.Directory != DirReadable:
		return Rebuild, "it has no usable data directory"
	case t.Unfinished != "":
		return Rebuild, t.Unfinished
	case t.Log == nil:
		return Rebuild, "the end of its log could not be found: " + t.LogError
	}
	l := t.Log
	left, why := leftAt(s, l)
	switch {
	case why != "" && l.Timeline == s.Timeline:
		return Rebuild, why // pg_rewind goes by the number of the timeline only
	case why != "":
		return rewindable(l, why)
	case l.End > left && l.Timeline == s.Timeline:
		return Rebuild, fmt.Sprintf("its log ends at %s of timeline %d, that of the primary at %s", l.End, l.Timeline, left)
	case !l.Standby && l.Timeline == s.Timeline:
		return Rebuild, fmt.Sprintf("it was itself the primary of a timeline %d, and the primary's is another one", l.Timeline)
	case l.End > left:
		return rewindable(l, fmt.Sprintf("its log goes on to %s of timeline %d, which the primary left at %s", l.End, l.Timeline, left))
	case len(t.Missing) > 0:
		return Rebuild, fmt.Sprintf("%d files of tables or indexes are missing in it, such as %s", len(t.Missing), t.Missing[0])
	case len(t.Short) > 0:
		return Rebuild, fmt.Sprintf("%d files of tables or indexes have lost their ends in it, such as %s", len(t.Short), t.Short[0])
	case lacksLog(s, l) && t.Archive.missing(s, l) != "":
		return Rebuild, fmt.Sprintf("the primary's log begins at %s, the node needs it from %s", s.OldestLog, l.End) + archiveReason(s, t)
	case lacksLog(s, l):
		return Follow, fmt.Sprintf("the primary's log begins at %s, the archive has it from %s on", s.OldestLog, l.End)
	}
	return Follow, fmt.Sprintf("its log up to %s of timeline %d is part of the primary's", l.End, l.Timeline)
}

// leftAt is up to where the log of the node's timeline is part of the source's; why
// is not empty when none of it is.
func leftAt(s *Source, l *Log) (left cluster.LSN, why string) {
	before, left := s.History, s.Position
	if l.Timeline != s.Timeline {
		at := slices.IndexFunc(s.History, func(a cluster.Ancestor) bool { return a.Timeline == l.Timeline })
		if at < 0 {
			return 0, fmt.Sprintf("its timeline %d is none that the primary's timeline %d comes from", l.Timeline, s.Timeline)
		}
		before, left = s.History[:at], s.History[at].Switch
	}
	if !slices.Equal(before, l.History) {
		return 0, fmt.Sprintf("its timeline %d has another history than the primary's", l.Timeline)
	}
	return left, ""
}

// rewindable says what keeps pg_rewind from working, if anything does.
func rewindable(l *Log, why string) (Procedure, string) {
	switch {
	case !l.Hints:
		return Rebuild, why + "; pg_rewind would need data checksums, or wal_log_hints"
	case l.Standby && !l.Clean:
		return Rebuild, why + "; it is a standby that crashed, which pg_rewind cannot recover"
	}
	return Rewind, why
}
