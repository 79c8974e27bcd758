package server

import "testing"

// Ensure that a statement prepared by a session with a temporary table reads that table,
// and not the one that stands behind the name for others who share the server.
func TestPreparedOverTemporaryTable(t *testing.T) {
	r := single(t, 1, 1)
	other, own := r.raw(), r.raw()
	run := join(mBind("", "s"), mExecute("", 0))
	prepare := join(mClose('S', "s"), mParse("s", "select * from foo"), run)
	own.do("create temp table first (a int)", "C:CREATE_TABLE Z:I") // the server looks there from now on
	own.do("drop table first", "C:DROP_TABLE Z:I")
	other.do("create table foo (a text)", "C:CREATE_TABLE Z:I")
	other.do("insert into foo values ('shared')", "C:INSERT_0_1 Z:I")
	other.send(join(prepare, mSync()))
	other.want(1, "3 1 2 D:shared C:SELECT_1 Z:I")

	own.do("create temp table foo (a int)", "C:CREATE_TABLE Z:I")
	own.do("insert into foo values (1)", "C:INSERT_0_1 Z:I")
	own.send(join(prepare, mSync()))
	own.want(1, "3 1 2 D:1 C:SELECT_1 Z:I")
	own.do("drop table foo", "C:DROP_TABLE Z:I")

	other.send(join(prepare, mSync()))
	other.want(1, "3 1 2 D:shared C:SELECT_1 Z:I")
	own.send(join(one("create temp table foo as select 2 as a"), prepare, mSync()))
	own.want(1, "1 2 C:SELECT_1 3 1 2 D:2 C:SELECT_1 Z:I")
	own.do("alter table foo rename to bar", "C:ALTER_TABLE Z:I")
	own.send(join(prepare, mSync()))
	own.want(1, "3 1 2 D:shared C:SELECT_1 Z:I")
	own.do("alter table bar rename to foo", "C:ALTER_TABLE Z:I")
	own.send(join(prepare, mSync()))
	own.want(1, "3 1 2 D:2 C:SELECT_1 Z:I")
	own.do("drop table foo", "C:DROP_TABLE Z:I")

	own.do("begin", "C:BEGIN Z:T")
	own.do("create temp table foo on commit drop as select 3 as a", "C:SELECT_1 Z:T")
	own.send(join(prepare, mSync()))
	own.want(1, "3 1 2 D:3 C:SELECT_1 Z:T")
	own.do("commit", "C:COMMIT Z:I")
	own.send(join(prepare, mSync()))
	own.want(1, "3 1 2 D:shared C:SELECT_1 Z:I")
}
