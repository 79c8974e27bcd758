package config

import (
	"slices"
	"strings"
)

// An enum's choices are the words of its values, in order. The zero value is
// the default.
type enum interface {
	choices() []string
}

// Consistency is how fresh a read must be.
type Consistency int

const (
	ConsistencySession  Consistency = iota // not older than the session's own writes
	ConsistencyGlobal                      // not older than anybody's acknowledged write
	ConsistencyEventual                    // any standby within the delay limit
)

func (Consistency) choices() []string { return []string{"session", "global", "eventual"} }

// String is the word used in the file.
func (c Consistency) String() string { return c.choices()[c] }

// ParseConsistency reads the word, in any case.
func ParseConsistency(word string) (c Consistency, ok bool) {
	i := slices.Index(c.choices(), strings.ToLower(strings.TrimSpace(word)))
	return Consistency(max(i, 0)), i >= 0
}

// PoolMode says when a server goes back to its pool (PgBouncer's pool_mode).
type PoolMode int

const (
	PoolTransaction PoolMode = iota // at the end of each transaction
	PoolSession                     // when the client leaves
	PoolStatement                   // at the end of each statement; transaction blocks are refused
)

func (PoolMode) choices() []string { return []string{"transaction", "session", "statement"} }

// String is the word used in the file.
func (m PoolMode) String() string { return m.choices()[m] }

// AuthType is how clients prove who they are (PgBouncer's auth_type).
type AuthType int

const (
	AuthScramSHA256 AuthType = iota // RFC 7677
	AuthTrust                       // not at all
	AuthReject                      // nobody can
	AuthPassword                    // by a password in clear
	AuthMD5                         // or SCRAM for a user with a SCRAM secret
	AuthCert                        // by the name in a verified certificate
	AuthPeer                        // by the name of the operating system's user, on Unix sockets
	AuthHBA                         // as a line of auth.hba_file says
)

func (AuthType) choices() []string {
	return []string{"scram-sha-256", "trust", "reject", "password", "md5", "cert", "peer", "hba"}
}

// String is the word used in the file.
func (t AuthType) String() string { return t.choices()[t] }

// Access is how pgherd runs commands on a node's machine.
type Access int

const (
	AccessNone  Access = iota // it cannot
	AccessLocal               // the node runs on this machine
	AccessSSH                 // by the system's ssh, as its section ssh says
	AccessSQL                 // by functions that the servers have, pgherd_recovery's or pgpool_recovery's
)

func (Access) choices() []string { return []string{"none", "local", "ssh", "sql"} }

// String is the word used in the file.
func (a Access) String() string { return a.choices()[a] }

// Flag is what pgherd may do about a node by itself (Pgpool-II's backend_flag).
type Flag int

const (
	AllowToFailover Flag = iota
	DisallowToFailover
	AlwaysPrimary
)

func (Flag) choices() []string {
	return []string{"ALLOW_TO_FAILOVER", "DISALLOW_TO_FAILOVER", "ALWAYS_PRIMARY"}
}

// String is the word used in the file.
func (f Flag) String() string { return f.choices()[f] }

// AutoRecover is the most that pgherd does by itself to bring a node back.
type AutoRecover int

const (
	AutoRecoverOff     AutoRecover = iota
	AutoRecoverFollow              // start it as a standby
	AutoRecoverRewind              // or take back what it alone has
	AutoRecoverRebuild             // or copy the primary
)

func (AutoRecover) choices() []string { return []string{"off", "follow", "rewind", "rebuild"} }

// String is the word used in the file.
func (a AutoRecover) String() string { return a.choices()[a] }

// IOMethod is how event loops hear of their sockets (after PostgreSQL's io_method).
type IOMethod int

const (
	IOAuto IOMethod = iota // io_uring while there is much to do, if the kernel has it for us; else epoll
	IOURing
	IOEpoll
)

func (IOMethod) choices() []string { return []string{"auto", "io_uring", "epoll"} }

// String is the word used in the file.
func (m IOMethod) String() string { return m.choices()[m] }

// LogLevel is the least severe level that is logged; the words are hclog's.
type LogLevel int

const (
	LogInfo LogLevel = iota
	LogTrace
	LogDebug
	LogWarn
	LogError
)

func (LogLevel) choices() []string { return []string{"info", "trace", "debug", "warn", "error"} }

// String is the word used in the file, as hclog.LevelFromString takes it.
func (l LogLevel) String() string { return l.choices()[l] }

// LogFormat is the form of a log line.
type LogFormat int

const (
	LogText LogFormat = iota
	LogJSON
)

func (LogFormat) choices() []string { return []string{"text", "json"} }

// String is the word used in the file.
func (f LogFormat) String() string { return f.choices()[f] }
