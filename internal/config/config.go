package config

import (
	"net"
	"strconv"
	"time"
)

// Config is the whole configuration file. docs/configuration.md describes
// every key.
type Config struct {
	Listen      []string            `yaml:"listen"` // host:port each; IPv6 as [::1]:9999; directory:port for a Unix-domain socket
	SocketMode  FileMode            `yaml:"unix_socket_mode"`
	Nodes       []Node              `yaml:"nodes"` // the index is the node number
	Monitor     Monitor             `yaml:"monitor"`
	Auth        Auth                `yaml:"auth"`
	TLS         TLS                 `yaml:"tls"`
	Pool        Pool                `yaml:"pool"`
	Databases   map[string]Database `yaml:"databases"` // by the name that clients ask for; "*" is all others
	Users       map[string]User     `yaml:"users"`     // by name; "*" is all others
	TCP         TCP                 `yaml:"tcp"`
	Consistency Consistency         `yaml:"consistency"`
	Routing     Routing             `yaml:"routing"`
	StateDir    string              `yaml:"state_dir"` // absolute
	Console     Console             `yaml:"console"`
	HealthCheck HealthCheck         `yaml:"health_check"`
	Failover    Failover            `yaml:"failover"`
	Recovery    Recovery            `yaml:"recovery"`
	Loops       int                 `yaml:"loops"` // event loops; 0 = choose
	IOMethod    IOMethod            `yaml:"io_method"`
	Log         Log                 `yaml:"log"`
}

// Node is one PostgreSQL instance (Pgpool-II's backend_* parameters).
type Node struct {
	Host              string   `yaml:"host"` // name or address, IPv6 without brackets, or the directory of a Unix-domain socket
	Port              int      `yaml:"port"`
	DataDirectory     string   `yaml:"data_directory"`     // absolute, on the node's machine; "" = unknown
	TablespaceMapping []string `yaml:"tablespace_mapping"` // OLDDIR=NEWDIR, see Tablespaces
	Access            Access   `yaml:"access"`
	SSH               SSH      `yaml:"ssh"`
	Weight            float64  `yaml:"weight"`           // share of reads relative to the other nodes; 0 = none
	ApplicationName   string   `yaml:"application_name"` // of its WAL receiver; unique
	SSLMode           SSLMode  `yaml:"sslmode"`          // after Load that of tls.server where the node has none
	Flag              Flag     `yaml:"flag"`
}

// Address is the node's host:port.
func (n Node) Address() string {
	return net.JoinHostPort(n.Host, strconv.Itoa(n.Port))
}

// Monitor is the account with which pgherd itself logs in to the nodes.
type Monitor struct {
	User         string `yaml:"user"`
	Password     Secret `yaml:"password"`      // after Load also what password_file held
	PasswordFile string `yaml:"password_file"` // absolute, or ""
	Database     string `yaml:"database"`
}

// Auth says how clients log in to pgherd.
type Auth struct {
	Type               AuthType `yaml:"type"`
	UsersFile          string   `yaml:"users_file"`           // absolute, see LoadUsers; may be "" where nobody is asked for a password, or with QueryUser
	HBAFile            string   `yaml:"hba_file"`             // absolute; not "" with hba, "" otherwise
	IdentFile          string   `yaml:"ident_file"`           // absolute, or ""
	AllowPlainPassword bool     `yaml:"allow_plain_password"` // in clear without TLS, from clients and to nodes

	QueryUser string        `yaml:"query_user"` // auth_user; "" = no query
	Query     string        `yaml:"query"`      // one parameter, the name; gives name and secret
	Database  string        `yaml:"database"`   // auth_dbname, where Query runs
	QueryTTL  time.Duration `yaml:"query_ttl"`  // how long its answers are believed
}

// Console is the virtual database with pgherd's own commands.
type Console struct {
	Database   string   `yaml:"database"`
	AdminUsers []string `yaml:"admin_users"` // they command
	StatsUsers []string `yaml:"stats_users"` // they look
}

// HealthCheck says when a node is called down (Pgpool-II's health_check_*).
type HealthCheck struct {
	Period     time.Duration `yaml:"period"`  // > 0
	Timeout    time.Duration `yaml:"timeout"` // > 0, of one try
	MaxRetries int           `yaml:"max_retries"`
	RetryDelay time.Duration `yaml:"retry_delay"`
}

// Failover limits the change of the primary. All timeouts are > 0.
type Failover struct {
	Auto              bool          `yaml:"auto"`               // promote a standby when the primary is down
	Timeout           time.Duration `yaml:"timeout"`            // of an unplanned failover
	SwitchoverTimeout time.Duration `yaml:"switchover_timeout"` // of PROMOTE NODE
	CatchupTimeout    time.Duration `yaml:"catchup_timeout"`    // for a standby to replay what it has received

	AutoFailback         bool          `yaml:"auto_failback"`          // a standby that was down and streams again is attached
	AutoFailbackInterval time.Duration `yaml:"auto_failback_interval"` // not sooner than this after it went down
	AutoRecover          AutoRecover   `yaml:"auto_recover"`           // how far pgherd goes by itself to bring a node back

	DetachFalsePrimary bool `yaml:"detach_false_primary"` // a second node that is out of recovery is down, not just unused

	FailoverCommand      string        `yaml:"failover_command"`       // shell commands with Pgpool-II's placeholders
	FailbackCommand      string        `yaml:"failback_command"`       // "" = none
	FollowPrimaryCommand string        `yaml:"follow_primary_command"` //
	CommandTimeout       time.Duration `yaml:"command_timeout"`        // of each of them; > 0
}

// Recovery limits RECOVER NODE.
type Recovery struct {
	Timeout time.Duration `yaml:"timeout"`  // for the recovered node to start and stream; > 0
	MaxRate Size          `yaml:"max_rate"` // bytes per second of the base backup; 0 = no limit
	KeepOld bool          `yaml:"keep_old"` // keep the replaced data directory
	// ArchiveDir has the segments of pgherd receivewal, on every node's machine; "" = none.
	ArchiveDir string `yaml:"archive_dir"`

	// Pgpool-II's online recovery; the stages are files in the primary's data directory.
	User            string `yaml:"recovery_user"` // "" = the monitor's account
	Password        Secret `yaml:"recovery_password"`
	Database        string `yaml:"recovery_database"`
	FirstStage      string `yaml:"recovery_1st_stage_command"`    // "" = none
	SecondStage     string `yaml:"recovery_2nd_stage_command"`    // "" = none
	ClientIdleLimit int    `yaml:"client_idle_limit_in_recovery"` // seconds; 0 = never, -1 = at once
}

// Log says what is logged and how.
type Log struct {
	Level  LogLevel  `yaml:"level"`
	Format LogFormat `yaml:"format"`
	File   string    `yaml:"file"` // "" is stderr
}

// authQuery is PgBouncer's default auth_query with every name qualified.
const authQuery = "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END " +
	"FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin"

// setDefaults fills in every default that does not depend on other keys. Enums
// need none: their zero value is the default.
func (c *Config) setDefaults() {
	*c = Config{
		Listen:     []string{"127.0.0.1:9999"},
		SocketMode: 0o777,
		Monitor:    Monitor{Database: "postgres"},
		TLS: TLS{
			Client: TLSSide{Ciphers: []string{}},
			Server: TLSServer{TLSSide: TLSSide{SSLMode: SSLPrefer, Ciphers: []string{}}},
		},
		Auth: Auth{Query: authQuery, Database: "postgres", QueryTTL: 30 * time.Second},
		Pool: Pool{
			Size:                  20,
			ReserveTimeout:        5 * time.Second,
			MaxClients:            100,
			QueryWaitTimeout:      120 * time.Second,
			QueryWaitNotify:       5 * time.Second,
			ClientLoginTimeout:    60 * time.Second,
			SuspendTimeout:        10 * time.Second,
			ServerResetQuery:      "DISCARD ALL",
			ServerLifetime:        3600 * time.Second,
			ServerCheckQuery:      EmptyQuery,
			ServerCheckDelay:      30 * time.Second,
			ServerIdleTimeout:     600 * time.Second,
			ServerConnectTimeout:  15 * time.Second,
			ServerLoginRetry:      15 * time.Second,
			MaxPreparedStatements: 200,
			MaxPreparedSize:       64 << 20,
		},
		TCP: TCP{KeepAlive: true},
		Routing: Routing{CatchupWait: 10 * time.Millisecond, DeferBegin: true, LoadBalanceMode: true, AllowSQLComments: true, CheckUnloggedTable: true,
			ReadOnlyFunctions: []string{}, WriteFunctions: []string{}, PrimaryQueries: []string{}, RelcacheExpire: 5 * time.Minute},
		StateDir: "/var/lib/pgherd",
		Console:  Console{Database: "pgpool", AdminUsers: []string{}, StatsUsers: []string{}},
		HealthCheck: HealthCheck{
			Period:     500 * time.Millisecond,
			Timeout:    2 * time.Second,
			MaxRetries: 2,
			RetryDelay: 100 * time.Millisecond,
		},
		Failover: Failover{
			Auto:               true,
			Timeout:            60 * time.Second,
			SwitchoverTimeout:  30 * time.Second,
			CatchupTimeout:     10 * time.Second,
			AutoFailback:       true,
			DetachFalsePrimary: true,
			CommandTimeout:     60 * time.Second,
		},
		Recovery: Recovery{Timeout: 90 * time.Second, Database: "postgres", Password: NewSecret("")},
	}
}

// setDefaults fills in what a node of the list may leave out.
// application_name follows from the node's number: see resolve.
func (n *Node) setDefaults() {
	*n = Node{Port: 5432, Weight: 1, SSH: defaultSSH()}
}
