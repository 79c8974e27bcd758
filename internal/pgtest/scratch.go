package pgtest

import (
	"os"

	"golang.org/x/sys/unix"
)

// enough is the room that tests which run side by side may need.
const enough = 4 << 30

// scratch is where clusters are made: in memory if there is room and TMPDIR says
// nothing else, for much of a test's time is the disk's otherwise.
func scratch() string {
	const memory = "/dev/shm"
	var fs unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < enough ||
		fs.Flags&unix.ST_NOEXEC != 0 { // some tests have scripts in a data directory
		return os.TempDir()
	}
	return memory
}
