package report

import (
	"net"
	"strconv"
	"time"
)

// ClientState is what a client is doing, in PgBouncer's words.
type ClientState int

const (
	ClientLogin   ClientState = iota // not yet logged in
	ClientIdle                       // between requests, without a server
	ClientActive                     // it has a server
	ClientWaiting                    // in line for a server
)

func (s ClientState) String() string { return [...]string{"login", "idle", "active", "waiting"}[s] }

// Client is an application's connection.
type Client struct {
	ID              uint64 // unique while pgherd runs
	Database, User  string
	State           ClientState
	Transaction     bool // a block is open
	Host            string
	Port            int    // 0 for a Unix-domain socket
	LocalHost       string // our side of the connection
	LocalPort       int
	Connected       time.Time
	Request         time.Time // when its last request began; zero before the first
	Waited          time.Duration
	Server          uint64 // ID of the server that it has; 0 = none
	TLS             string // version and cipher; "" in plain text
	ApplicationName string
	Prepared        int    // named statements
	Node            int    // of the server that it has; -1 = none
	Pin             string // why it keeps that between statements; "" when it does not
	Consistency     string // of its reads
	Token           string // its reads see this position of the log; "" for none
	TokenPending    bool   // a newer token is not known yet
}

// ServerState is what a connection to a node is doing.
type ServerState int

const (
	ServerIdle ServerState = iota
	ServerActive
	ServerHeld // kept back while a cancel request for it is under way
)

func (s ServerState) String() string { return [...]string{"idle", "active", "being_canceled"}[s] }

// Server is a connection to a node.
type Server struct {
	ID              uint64 // unique while pgherd runs
	Node            int
	Database, User  string
	State           ServerState
	PID             uint32 // of its process on the node
	LocalHost       string // our side of the connection; "" for a Unix-domain socket
	LocalPort       int
	Connected       time.Time
	Request         time.Time // when its client's request began, of an active one
	Client          uint64    // ID of the client that has it; 0 = none
	TLS             string
	ApplicationName string
	Prepared        int    // statements prepared on it
	Leases          uint64 // how often it was taken
	CloseNeeded     bool   // when it is given back
}

// HostPort takes an address in Go's form apart: "" and 0 for none.
func HostPort(address string) (host string, port int) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	port, _ = strconv.Atoi(digits)
	return host, port
}

// Route is how many statements went to a node for a reason.
type Route struct {
	Node   int
	Reason string
	Count  uint64
}

// Work is what a node was asked to do, in statements, and how often it has failed.
// The classes are those of Pgpool-II's SHOW POOL_BACKEND_STATS.
type Work struct {
	Selects, Inserts, Updates, Deletes, DDL, Others uint64
	Panics, Fatals, Errors                          uint64
}

// Add sums up.
func (w *Work) Add(o Work) {
	w.Selects += o.Selects
	w.Inserts += o.Inserts
	w.Updates += o.Updates
	w.Deletes += o.Deletes
	w.DDL += o.DDL
	w.Others += o.Others
	w.Panics += o.Panics
	w.Fatals += o.Fatals
	w.Errors += o.Errors
}

// Health is the checks of a node since the start. A check that fails is repeated,
// and counts once, with its retries.
type Health struct {
	Total, Success, Fail, Retries uint64
	MostRetries                   uint64        // of one check
	Longest, Shortest, Sum        time.Duration // from the beginning of a check to its end
	Last, LastSuccess, LastFail   time.Time     // zero when there was none
}

// Gate is what an administrator has said of a database.
type Gate struct {
	Paused    bool // its clients wait for a server
	Disabled  bool // new clients are refused
	Suspended bool // nothing is read from its clients
}

// Pool is the servers of one node, database and user.
type Pool struct {
	Node           int
	Database, User string
	Idle, Active   int
	Held, Dialing  int
	Waiting        int           // clients in line
	Longest        time.Duration // that the first of them has waited, in seconds
}

// Counts is what has been counted for a database since the start. Bytes are those
// of its clients.
type Counts struct {
	Assignments   uint64 // of a server to a client
	Transactions  uint64
	Queries       uint64
	Received      uint64 // bytes
	Sent          uint64
	InTransaction time.Duration // clients were with a server
	InQuery       time.Duration // from a request to the end of its answer
	Waiting       time.Duration // for a server
	ClientParses  uint64        // Parse messages of clients
	ServerParses  uint64        // that servers were given
	Binds         uint64
}

// Add sums up.
func (c *Counts) Add(o Counts) {
	c.Assignments += o.Assignments
	c.Transactions += o.Transactions
	c.Queries += o.Queries
	c.Received += o.Received
	c.Sent += o.Sent
	c.InTransaction += o.InTransaction
	c.InQuery += o.InQuery
	c.Waiting += o.Waiting
	c.ClientParses += o.ClientParses
	c.ServerParses += o.ServerParses
	c.Binds += o.Binds
}

// Since is what was counted after an earlier moment.
func (c Counts) Since(o Counts) Counts {
	return Counts{c.Assignments - o.Assignments, c.Transactions - o.Transactions, c.Queries - o.Queries,
		c.Received - o.Received, c.Sent - o.Sent, c.InTransaction - o.InTransaction, c.InQuery - o.InQuery,
		c.Waiting - o.Waiting, c.ClientParses - o.ClientParses, c.ServerParses - o.ServerParses, c.Binds - o.Binds}
}

// Traffic is the counts of one database.
type Traffic struct {
	Database string
	Total    Counts
	Period   Counts        // within Length
	Length   time.Duration // of the last period that is over; 0 when none is
}
