package server

import (
	"errors"
	"io"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/wire"
)

// Why a session ends without an error.
var (
	errGone      = errors.New("client has gone")
	errTerminate = errors.New("client said goodbye")
)

// What clients are told, beside what the nodes say themselves.
func errTooManyClients(limit int) *wire.Error {
	return wire.Fatalf("53300", "sorry, too many clients already").WithHint("pool.max_clients allows " + itoa(limit) + ".")
}

func errTooManyOf(what, name string, limit int, key string) *wire.Error {
	return wire.Fatalf("53300", "too many clients of %s %q already", what, name).WithHint(key + " allows " + itoa(limit) + ".")
}

func errTransactionBlock() *wire.Error {
	return wire.Errorf("0A000", "transaction blocks are not possible in pool mode statement").
		WithHint("Send the statements one by one, or have pool.mode set to transaction.")
}

func errQueryTimeout() *wire.Error {
	return wire.Errorf("57014", "canceling statement due to query_timeout")
}

func errTransactionTimeout() *wire.Error {
	return wire.Fatalf("25P04", "terminating connection due to transaction_timeout")
}

func errIdleTransaction() *wire.Error {
	return wire.Fatalf("25P03", "terminating connection due to idle_transaction_timeout")
}

func errClientIdle() *wire.Error {
	return wire.Fatalf("57P05", "terminating connection due to client_idle_timeout")
}

// noticeWaiting tells a client why nothing happens.
func noticeWaiting(database string) *wire.Error {
	n := wire.Errorf("00000", "no server connection for database %q is free yet, waiting in line", database)
	n.Severity = "NOTICE"
	return n
}

func noticeHeld() *wire.Error {
	n := wire.Errorf("00000", "there is no primary at the moment, waiting for one")
	n.Severity = "NOTICE"
	return n
}

// errSetting is PostgreSQL's own for a bad value, with the good ones.
func errSetting(name, value, valid string) *wire.Error {
	return wire.Errorf("22023", "invalid value for parameter %q: %q", name, value).WithHint("Available values: " + valid + ".")
}

func errCrowded(limit int64) *wire.Error {
	return wire.Errorf("53400", "the session's prepared statements take more than max_prepared_statements_size (%s)", config.Size(limit)).
		WithHint("Close or DEALLOCATE those that are not needed any more, or raise pool.max_prepared_statements_size.")
}

func errShutdown() *wire.Error {
	return wire.Fatalf("57P01", "terminating connection due to administrator command")
}

func errPassword(user string) *wire.Error {
	return wire.Fatalf("28P01", "password authentication failed for user %q", user)
}

func errPlain() error {
	return &refusal{wire.Fatalf("28000", "a password in clear is only accepted over TLS").
		WithHint("Connect with sslmode=require, or have auth.allow_plain_password set."), "no TLS"}
}

// errLookup is the same for users who exist and who do not.
func errLookup() *wire.Error {
	return wire.Fatalf("57P03", "the user cannot be looked up at the moment").WithHint("The log of pgherd says why auth.query failed.")
}

func errQueryWait() *wire.Error {
	return wire.Errorf("08000", "no server connection became free within query_wait_timeout").
		WithHint("Raise pool.size or pool.query_wait_timeout, or look for long transactions.")
}

func errNoPrimary() *wire.Error {
	return wire.Errorf("57P03", "there is no primary at the moment").
		WithHint("SHOW POOL_NODES in the console tells the state of the nodes; PROMOTE NODE n makes a primary.")
}

func errUncovered(standby cluster.NodeID) *wire.Error {
	return wire.Errorf("08000", "what node %d has shown could not be seen on the primary within query_wait_timeout", standby).
		WithHint("A transaction waits for its synchronous standbys (pg_stat_activity.wait_event SyncRep), or the primary does not answer.")
}

func errCanceled() *wire.Error {
	return wire.Errorf("57014", "canceling statement due to user request")
}

func errUnknownOutcome(node int) *wire.Error {
	return wire.Errorf("08007", "node %d was lost before it answered: whether the transaction was committed is unknown", node).
		WithHint("Look whether the change is there before you repeat it.")
}

func errRolledBack(node int) *wire.Error {
	return wire.Errorf("40001", "node %d was lost in the middle of the transaction, which was rolled back", node).
		WithHint("The transaction can be repeated.")
}

func errReadLost(node int) *wire.Error {
	return wire.Errorf("08006", "node %d was lost in the middle of the result", node).
		WithHint("The statement can be repeated.")
}

func errWritesLost() *wire.Error {
	return wire.Errorf("40001", "the failover may have lost what this session wrote or read last").
		WithHint("The new primary ended the old one's log before that. Read again before you rely on it; synchronous replication avoids such a loss.")
}

func errAborted() *wire.Error {
	return wire.Errorf("25P02", "current transaction is aborted, commands ignored until end of transaction block")
}

func errPinLost(node int, pin string) *wire.Error {
	return wire.Fatalf("57P01", "node %d was lost together with this session's state (%s)", node, pin)
}

func errDesync(what string) *wire.Error {
	return wire.Fatalf("08P01", "the server's answer does not fit the request: %s", what)
}

// fatal turns what ended a session into what its client is told; nil when there
// is nothing to say or nobody to say it to.
func fatal(err error) *wire.Error {
	var told *wire.Error
	switch {
	case errors.Is(err, errGone), errors.Is(err, errTerminate), errors.Is(err, io.EOF), err == nil:
		return nil
	case errors.As(err, &told):
		f := *told
		f.Severity = wire.SeverityFatal
		return &f
	}
	return nil
}
