package walreceiver

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/pgherd/pgherd/internal/cluster"
)

// segment is the name of a file of the log.
type segment struct {
	timeline cluster.Timeline
	number   uint64 // counted from position 0
}

const partialSuffix = ".partial"

// segmentOf is the one that holds position; size in bytes.
func segmentOf(timeline cluster.Timeline, position cluster.LSN, size uint64) segment {
	return segment{timeline, uint64(position) / size}
}

func (s segment) start(size uint64) cluster.LSN { return cluster.LSN(s.number * size) }

// fileName is PostgreSQL's XLogFileName.
func (s segment) fileName(size uint64) string {
	perID := (uint64(1) << 32) / size
	return fmt.Sprintf("%08X%08X%08X", uint32(s.timeline), s.number/perID, s.number%perID)
}

var segmentPattern = regexp.MustCompile(`^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?$`)

// parseSegment reads a file's name; ok is false for files that are no segments.
func parseSegment(name string, size uint64) (s segment, partial, ok bool) {
	m := segmentPattern.FindStringSubmatch(name)
	if m == nil {
		return segment{}, false, false
	}
	var part [3]uint64
	for i := range part {
		part[i], _ = strconv.ParseUint(m[i+1], 16, 32) // eight hexadecimal digits
	}
	perID := (uint64(1) << 32) / size
	return segment{cluster.Timeline(part[0]), part[1]*perID + part[2]}, m[4] != "", part[2] < perID
}

func historyName(t cluster.Timeline) string { return fmt.Sprintf("%08X.history", uint32(t)) }
