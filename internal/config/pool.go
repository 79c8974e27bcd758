package config

import "time"

// Pool limits server connections; a pool is one user on one database of one
// node. A limit or timeout of 0 is none. Names and defaults are PgBouncer's.
type Pool struct {
	Mode           PoolMode      `yaml:"mode"`
	Size           int           `yaml:"size"`            // servers per pool
	MinSize        int           `yaml:"min_size"`        // servers kept open in a pool that is in use
	ReserveSize    int           `yaml:"reserve_size"`    // servers more when a client has waited for ReserveTimeout
	ReserveTimeout time.Duration `yaml:"reserve_timeout"` // > 0

	MaxClients               int `yaml:"max_clients"`                 // of all pools together
	MaxDBConnections         int `yaml:"max_db_connections"`          // servers of one database on one node
	MaxDBClientConnections   int `yaml:"max_db_client_connections"`   // clients of one database
	MaxUserConnections       int `yaml:"max_user_connections"`        // servers of one user on one node
	MaxUserClientConnections int `yaml:"max_user_client_connections"` // clients of one user

	QueryWaitTimeout       time.Duration `yaml:"query_wait_timeout"`
	QueryWaitNotify        time.Duration `yaml:"query_wait_notify"` // a client that waits is told after this
	QueryTimeout           time.Duration `yaml:"query_timeout"`
	TransactionTimeout     time.Duration `yaml:"transaction_timeout"`
	IdleTransactionTimeout time.Duration `yaml:"idle_transaction_timeout"`
	ClientIdleTimeout      time.Duration `yaml:"client_idle_timeout"`
	ClientLoginTimeout     time.Duration `yaml:"client_login_timeout"` // > 0
	SuspendTimeout         time.Duration `yaml:"suspend_timeout"`      // SUSPEND waits this long for clients

	ServerResetQuery       string `yaml:"server_reset_query"`        // "" closes the server instead
	ServerResetQueryAlways bool   `yaml:"server_reset_query_always"` // after each transaction, too

	ServerCheckQuery string        `yaml:"server_check_query"` // of a server that was idle; "" = none
	ServerCheckDelay time.Duration `yaml:"server_check_delay"` // for longer than this

	ServerLifetime        time.Duration `yaml:"server_lifetime"`
	ServerIdleTimeout     time.Duration `yaml:"server_idle_timeout"`
	ServerConnectTimeout  time.Duration `yaml:"server_connect_timeout"` // > 0
	ServerLoginRetry      time.Duration `yaml:"server_login_retry"`
	MaxPreparedStatements int           `yaml:"max_prepared_statements"`
	MaxPreparedSize       Size          `yaml:"max_prepared_statements_size"` // of a client's; 0 = no limit
}

// EmptyQuery is how PgBouncer writes a query without a statement, which an empty text,
// meaning none at all, can't be.
const EmptyQuery = "<empty>"

// CheckQuery is the SQL of server_check_query; "" for none.
func (p Pool) CheckQuery() string {
	if p.ServerCheckQuery == EmptyQuery {
		return ";"
	}
	return p.ServerCheckQuery
}

// Override is what a database and a user may have of their own; nil is what the more
// general section says. The connections are those of its own limits.
type Override struct {
	PoolMode             *PoolMode      `yaml:"pool_mode"`
	Size                 *int           `yaml:"size"`
	MinSize              *int           `yaml:"min_size"`
	ReserveSize          *int           `yaml:"reserve_size"`
	MaxConnections       *int           `yaml:"max_connections"`
	MaxClientConnections *int           `yaml:"max_client_connections"`
	QueryWaitTimeout     *time.Duration `yaml:"query_wait_timeout"`
	Consistency          *Consistency   `yaml:"consistency"`
}

// Database is what differs for one database (PgBouncer's [databases]). Nil is
// what the pool section says.
type Database struct {
	DBName   string `yaml:"dbname"`   // on the nodes; "" = the same name
	User     string `yaml:"user"`     // on the nodes, whoever the client is; "" = the client's
	Password Secret `yaml:"password"` // of User; none = users_file has it

	Override
	ServerLifetime *time.Duration `yaml:"server_lifetime"`

	ConnectQuery    string `yaml:"connect_query"` // SQL that a new server carries out first
	ClientEncoding  string `yaml:"client_encoding"`
	DateStyle       string `yaml:"datestyle"`
	TimeZone        string `yaml:"timezone"`
	ApplicationName string `yaml:"application_name"`
}

// User is what differs for one user (PgBouncer's [users]). Nil is what the
// database's section says, or else the pool section.
type User struct {
	Override

	QueryTimeout           *time.Duration `yaml:"query_timeout"`
	TransactionTimeout     *time.Duration `yaml:"transaction_timeout"`
	IdleTransactionTimeout *time.Duration `yaml:"idle_transaction_timeout"`
	ClientIdleTimeout      *time.Duration `yaml:"client_idle_timeout"`
}

// TCP sets up the sockets to clients and nodes (PgBouncer's tcp_*). 0 leaves
// the kernel's value.
type TCP struct {
	KeepAlive   bool          `yaml:"keepalive"`
	KeepIdle    time.Duration `yaml:"keepidle"`     // idle time before the first probe
	KeepIntvl   time.Duration `yaml:"keepintvl"`    // between probes
	KeepCnt     int           `yaml:"keepcnt"`      // probes without an answer before the connection is dead
	UserTimeout time.Duration `yaml:"user_timeout"` // what was sent may stay unacknowledged for this long
}

// Scope is where a client's or a server's settings are looked up: the sections
// of its database and user, or of "*".
type Scope struct {
	Pool     Pool
	General  Consistency
	Database Database
	User     User
}

// Scope finds the sections for a client of a database.
func (c *Config) Scope(database, user string) Scope {
	return Scope{c.Pool, c.Consistency, lookup(c.Databases, database), lookup(c.Users, user)}
}

func lookup[T any](sections map[string]T, name string) T {
	if s, ok := sections[name]; ok {
		return s
	}
	return sections["*"]
}

// pick is the first of the overrides that is set, or else the general value.
func pick[T any](general T, overrides ...*T) T {
	for _, o := range overrides {
		if o != nil {
			return *o
		}
	}
	return general
}

// Effective is the pool section as it applies in the scope: the user's section
// goes before the database's. The limits named after one or the other are those
// of its own section.
func (s Scope) Effective() Pool {
	p, d, u := s.Pool, s.Database, s.User
	p.Mode = pick(p.Mode, u.PoolMode, d.PoolMode)
	p.Size = pick(p.Size, u.Size, d.Size)
	p.MinSize = pick(p.MinSize, u.MinSize, d.MinSize)
	p.ReserveSize = pick(p.ReserveSize, u.ReserveSize, d.ReserveSize)
	p.MaxDBConnections = pick(p.MaxDBConnections, d.MaxConnections)
	p.MaxDBClientConnections = pick(p.MaxDBClientConnections, d.MaxClientConnections)
	p.MaxUserConnections = pick(p.MaxUserConnections, u.MaxConnections)
	p.MaxUserClientConnections = pick(p.MaxUserClientConnections, u.MaxClientConnections)
	p.QueryWaitTimeout = pick(p.QueryWaitTimeout, u.QueryWaitTimeout, d.QueryWaitTimeout)
	p.QueryTimeout = pick(p.QueryTimeout, u.QueryTimeout)
	p.TransactionTimeout = pick(p.TransactionTimeout, u.TransactionTimeout)
	p.IdleTransactionTimeout = pick(p.IdleTransactionTimeout, u.IdleTransactionTimeout)
	p.ClientIdleTimeout = pick(p.ClientIdleTimeout, u.ClientIdleTimeout)
	p.ServerLifetime = pick(p.ServerLifetime, d.ServerLifetime)
	return p
}

// Consistency is how fresh reads in the scope are: the user's section goes before
// the database's.
func (s Scope) Consistency() Consistency {
	return pick(s.General, s.User.Consistency, s.Database.Consistency)
}
