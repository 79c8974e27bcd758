package server

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pgherd/pgherd/internal/wire"
)

// bindBody is Bind behind its names: a parameter, null, and result formats.
func bindBody(formats ...uint16) []byte {
	b := []byte{0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 'x', 0xff, 0xff, 0xff, 0xff}
	b = binary.BigEndian.AppendUint16(b, uint16(len(formats)))
	for _, f := range formats {
		b = binary.BigEndian.AppendUint16(b, f)
	}
	return b
}

// Ensure that a format for all columns becomes one for each, and nothing else changes.
func TestAppendFormats(t *testing.T) {
	for _, c := range []struct {
		columns    int
		body, want []byte
	}{
		{3, bindBody(), bindBody(0, 0, 0)},
		{3, bindBody(1), bindBody(1, 1, 1)},
		{2, bindBody(0, 1), bindBody(0, 1)},
		{3, bindBody(0, 1), bindBody(0, 1)}, // the server says that it is wrong
		{0, bindBody(1), bindBody(1)},
		{1, bindBody(), bindBody()},
		{3, []byte{0, 0, 0, 1, 0, 0}, []byte{0, 0, 0, 1, 0, 0}},
	} {
		if got := appendFormats(nil, c.body, c.columns); !bytes.Equal(got, c.want) {
			t.Errorf("%d columns, %v:\ngot  %v\nwant %v", c.columns, c.body, got, c.want)
		}
	}
}

// Ensure that malformed messages are left as they are, for the server to refuse.
func FuzzAppendFormats(f *testing.F) {
	f.Add(bindBody(1))
	f.Add([]byte{0xff, 0xff})
	f.Add([]byte{0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		got := appendFormats([]byte("head"), body, 5)
		if at := resultFormats(body); !bytes.Equal(got[4:], body) && (!bytes.HasPrefix(got[4:], body[:at]) || len(got) != 4+at+2+5*2) {
			t.Errorf("%v became %v", body, got[4:])
		}
	})
}

// Ensure that a driver that keeps what it was told of a statement's columns gets an
// error when they have changed, from a server too that has never seen the old ones.
func TestRememberedColumns(t *testing.T) {
	r := single(t, 1, 2)
	other, hold := r.raw(), r.raw()
	for _, target := range []byte{'S', 'P'} {
		c := r.raw()
		c.do("create table wide (a int, b int)", "C:CREATE_TABLE Z:I")
		parse, bind, run := mParse("s", "select * from wide"), mBind("", "s"), join(mExecute("", 0), mSync())
		if target == 'S' {
			c.send(join(parse, mDescribe('S', "s"), bind, run))
			c.want(1, "1 t T 2 C:SELECT_0 Z:I")
		} else {
			c.send(join(parse, bind, mDescribe('P', ""), run))
			c.want(1, "1 2 T C:SELECT_0 Z:I")
		}
		hold.do("begin", "C:BEGIN Z:T") // the server that has the statement
		hold.do("insert into t values ('x')", "C:INSERT_0_1 Z:T")
		other.do("alter table wide add c int", "C:ALTER_TABLE Z:I")
		c.send(join(bind, run))
		if code, routine := c.failure(); code != "0A000" || routine != revalidate {
			t.Errorf("describe %c: %q of %q", target, code, routine)
		}
		c.send(join(mClose('S', "s"), parse, mDescribe('S', "s"), bind, run))
		c.want(1, "3 1 t T 2 C:SELECT_0 Z:I")
		hold.do("rollback", "C:ROLLBACK Z:I")
		c.do("drop table wide", "C:DROP_TABLE Z:I")
	}
}

// failure is what the error of a batch that fails says.
func (c *raw) failure() (code, routine string) {
	c.t.Helper()
	for {
		typ, body, err := c.frame()
		switch {
		case err != nil:
			c.t.Fatal(err)
		case typ == wire.ErrorResponse:
			e := wire.ParseError(body)
			code, routine = e.Code, e.Routine
		case typ == wire.ReadyForQuery:
			return code, routine
		}
	}
}

// Ensure that a session recognises its own notifications, and only these, by the
// process id that it was given at login.
func TestOwnNotifications(t *testing.T) {
	r := single(t, 1, 2)
	first, c, other := r.raw(), r.raw(), r.raw()
	first.do("select 1", "T D:1 C:SELECT_1 Z:I")
	c.do("listen news", "C:LISTEN Z:I")
	c.send(mQuery("notify news, 'mine'"))
	if pid := c.notifier(); pid != c.pid {
		t.Errorf("process id %d instead of %d", pid, c.pid)
	}
	other.do("notify news, 'theirs'", "C:NOTIFY Z:I")
	if pid := c.notifier(); pid == c.pid || pid == 0 {
		t.Errorf("process id %d is not another's", pid)
	}
}

// notifier is who has sent the next notification.
func (c *raw) notifier() uint32 {
	c.t.Helper()
	for {
		typ, body, err := c.frame()
		if err != nil {
			c.t.Fatal(err)
		}
		if typ == wire.NotificationResponse {
			return binary.BigEndian.Uint32(body)
		}
	}
}

// Ensure that a session is told so when a result has changed its type and another session
// has found that out, by a server, too, that has never seen the old one; and that sessions
// which have prepared the statement since, or in another database, are not concerned.
func TestSupersededColumns(t *testing.T) {
	r := single(t, 1, 1)
	r.cluster.Exec(0, "create database twin")
	bind, run := mBind("", "s"), join(mExecute("", 0), mSync())
	parse := mParse("s", "select a from changing")
	start := func(options ...string) *raw {
		c := r.raw(options...)
		c.send(join(parse, mDescribe('S', "s"), bind, run))
		c.want(1, "1 t T 2 C:SELECT_0 Z:I")
		return c
	}
	admin, twin := r.raw(), r.raw("database", "twin")
	admin.do("create table changing (a int)", "C:CREATE_TABLE Z:I")
	twin.do("create table changing (a int)", "C:CREATE_TABLE Z:I")
	finder, c, inTx, described, elsewhere := start(), start(), start(), start(), start("database", "twin")
	admin.do("alter table changing alter a type text", "C:ALTER_TABLE Z:I")
	finder.send(join(bind, run))
	finder.want(1, "E:0A000 Z:I")
	r.pools.Reconnect("") // nobody has the statement now
	c.send(join(bind, run))
	if code, routine := c.failure(); code != "0A000" || routine != revalidate {
		t.Errorf("%q of %q", code, routine)
	}
	c.send(join(mClose('S', "s"), parse, mDescribe('S', "s"), bind, run, bind, run))
	c.want(2, "3 1 t T 2 C:SELECT_0 Z:I 2 C:SELECT_0 Z:I")
	described.send(join(mDescribe('S', "s"), mSync()))
	described.want(1, "E:0A000 Z:I")
	inTx.do("begin", "C:BEGIN Z:T")
	inTx.send(join(bind, run))
	inTx.want(1, "E:0A000 Z:E")
	inTx.do("rollback", "C:ROLLBACK Z:I")
	elsewhere.send(join(bind, run))
	elsewhere.want(1, "2 C:SELECT_0 Z:I")
	inTx.send(join(bind, run, mClose('S', "s"), parse, bind, run))
	inTx.want(2, "E:0A000 Z:I 3 1 2 C:SELECT_0 Z:I")
}
