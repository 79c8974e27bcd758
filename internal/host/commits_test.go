package host

import (
	"slices"
	"testing"
)

func TestParseCommits(t *testing.T) {
	out := "rmgr: Transaction len (rec/tot):     34/    34, tx:        740, lsn: 0/01BA76B8, prev 0/01BA7680, desc: COMMIT 2024-05-06 07:08:09.123456 UTC\n" +
		"rmgr: Transaction len (rec/tot):     34/    34, tx:        741, lsn: 0/01BA76E0, prev 0/01BA76B8, desc: ABORT 2024-05-06 07:08:09.2 UTC\n" +
		"rmgr: Transaction len (rec/tot):    101/   101, tx:        742, lsn: 0/01BA7700, prev 0/01BA76E0, desc: COMMIT 2024-05-06 07:08:10.000001 CET; inval msgs: catcache 50\n"
	got := parseCommits([]byte(out))
	if !slices.Equal(got.IDs, []uint32{740, 742}) || got.Last != "2024-05-06 07:08:10.000001 CET" {
		t.Errorf("%+v", got)
	}
}
