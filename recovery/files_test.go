package recovery

import (
	"os"
	"path/filepath"
	"testing"
)

// A node that has lost a file of a table would get a new one by the replay, with what
// happens to be written in it. Tables and databases made since are no loss.
func TestFollowWithoutAFile(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Exec(0, "CREATE TABLE holed AS SELECT g AS n FROM generate_series(1, 5000) g")
	r.db.Exec(0, "CHECKPOINT")
	r.db.AwaitCaughtUp(0, 1)
	r.db.Exec(1, "CHECKPOINT")
	path := r.text(1, "SELECT pg_relation_filepath('holed')")
	r.db.Stop(1)
	r.db.Exec(0, "CREATE TABLE made_since AS SELECT 1")
	r.db.Exec(0, "CREATE DATABASE made_since")
	r.db.Exec(0, "UPDATE holed SET n = -n WHERE n = 5000")
	r.explains(1, Undecided, Follow, "")
	if err := os.Remove(filepath.Join(r.db.Node(1).DataDirectory, path)); err != nil {
		t.Fatal(err)
	}
	r.explains(1, Follow, Undecided, "follow would not bring node 1 back: 1 files of tables or indexes are missing in it, such as "+path)
	r.returns(1, 0, Rebuild, StepBackup)
	r.want(1, "SELECT count(*)::text FROM holed", "5000")
}
