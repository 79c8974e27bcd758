package failover

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pgherd/pgherd/internal/cluster"
)

// quoteLiteral is s as an SQL string constant, whatever
// standard_conforming_strings says. ALTER SYSTEM takes no parameters.
func quoteLiteral(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// timelineOf reads the timeline out of a WAL file name: its first 8 digits.
func timelineOf(file string) (cluster.Timeline, error) {
	if len(file) != 24 {
		return 0, fmt.Errorf("%q is not the name of a WAL file", file)
	}
	t, err := strconv.ParseUint(file[:8], 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not the name of a WAL file", file)
	}
	return cluster.Timeline(t), nil
}
