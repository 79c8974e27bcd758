package recovery

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/rights"
)

// A file that is shorter than the primary's may be behind, or have lost its end. The
// first block that it lacks tells: a block begins with the log position of its latest
// change (PageHeaderData.pd_lsn). If the primary's was changed last before the node's
// latest checkpoint began, it had to be in the node's file since.

// PostgreSQL as everybody builds it: BLCKSZ, and RELSEG_SIZE blocks in a file.
const (
	blockSize   = 8 << 10
	segmentSize = 1 << 30
)

// firstLog is where a cluster's log begins. What is before is no position: 0 in a block
// that nobody has written yet, and small numbers while some indexes are built.
const firstLog cluster.LSN = 1 << 24

// blockAt is a block of a relation: the file, and where in it.
type blockAt struct {
	file   string
	offset int64
}

// firstLacking is the first block that a relation doesn't have.
func firstLacking(path string, there map[string]int64) blockAt {
	file := path
	for n := 1; there[file] >= segmentSize; n++ {
		file = fmt.Sprintf("%s.%d", path, n)
	}
	return blockAt{file, there[file] / blockSize * blockSize}
}

// Neither function waits for a lock on the relation.
const blockHeads = `
SELECT path, head FROM (SELECT path, pg_read_binary_file(path, at, 8, true) AS head
                          FROM unnest($1::text[], $2::int8[]) AS u(path, at)) AS f
 WHERE length(head) = 8`

// askShort are those of the node's files that lack a block which it had when its latest
// checkpoint began, at redo. A monitor that may not read files on the primary finds none.
func askShort(ctx context.Context, conn *pgx.Conn, paths []string, there map[string]int64, redo cluster.LSN) (short []string, err error) {
	var files []string
	var offsets []int64
	for _, path := range paths {
		if _, ok := there[path]; ok {
			at := firstLacking(path, there)
			files, offsets = append(files, at.file), append(offsets, at.offset)
		}
	}
	rows, err := conn.Query(ctx, blockHeads, files, offsets)
	if err != nil {
		return nil, err
	}
	var file string
	var head []byte
	_, err = pgx.ForEachRow(rows, []any{&file, &head}, func() error {
		if at := changedAt(head); at >= firstLog && at < redo {
			short = append(short, file)
		}
		return nil
	})
	if rights.Denied(err) {
		return nil, nil
	}
	return short, err
}

// changedAt is pd_lsn: two words in the byte order of the machine, the higher one first.
// pgherd's machine is taken to have the same order.
func changedAt(head []byte) cluster.LSN {
	return cluster.LSN(uint64(binary.NativeEndian.Uint32(head))<<32 | uint64(binary.NativeEndian.Uint32(head[4:])))
}
