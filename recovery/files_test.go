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

// A file that has lost its end is found out; one that has yet to grow is not.
func TestFollowWithAShortFile(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Exec(0, "CREATE TABLE cut AS SELECT g AS n FROM generate_series(1, 5000) g")
	r.db.Exec(0, "CREATE TABLE grows AS SELECT g AS n FROM generate_series(1, 5000) g")
	r.db.Exec(0, "CHECKPOINT")
	r.db.AwaitCaughtUp(0, 1)
	r.db.Exec(1, "CHECKPOINT")
	path := r.text(1, "SELECT pg_relation_filepath('cut')")
	r.db.Stop(1)
	for range 3 {
		r.db.Exec(0, "INSERT INTO grows SELECT n FROM grows")
		r.db.Exec(0, "CHECKPOINT")
		r.explains(1, Undecided, Follow, "")
	}
	for _, size := range []int64{3*blockSize + 100, 0} {
		if err := os.Truncate(filepath.Join(r.db.Node(1).DataDirectory, path), size); err != nil {
			t.Fatal(err)
		}
		r.explains(1, Follow, Undecided, "follow would not bring node 1 back: 1 files of tables or indexes have lost their ends in it, such as "+path)
	}
	r.returns(1, 0, Rebuild, StepBackup)
	r.db.AssertHealthy(0, 1)
}

// A monitor that may not read files finds out what it can.
func TestShortFileUnseen(t *testing.T) {
	r := newRig(t, func(*Config) {})
	r.db.Exec(0, "CREATE ROLE watcher LOGIN PASSWORD 'watcher' REPLICATION")
	conn := r.db.Conn(0)
	if _, err := conn.Exec(t.Context(), "SET ROLE watcher"); err != nil {
		t.Fatal(err)
	}
	short, err := askShort(t.Context(), conn, []string{"PG_VERSION"}, map[string]int64{"PG_VERSION": 0}, 1<<60)
	if err != nil || short != nil {
		t.Errorf("got %v, %v, want nothing", short, err)
	}
}

func TestFirstLacking(t *testing.T) {
	there := map[string]int64{"a": 3*blockSize + 1, "b": segmentSize, "b.1": segmentSize, "b.2": blockSize, "c": segmentSize}
	for path, want := range map[string]blockAt{
		"a": {"a", 3 * blockSize}, "b": {"b.2", blockSize}, "c": {"c.1", 0}, "none": {"none", 0},
	} {
		if got := firstLacking(path, there); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
