package cluster

import (
	"net"
	"strconv"
)

// NodeID numbers the nodes from 0, in the order of the configuration.
type NodeID int

// NoNode stands for "no such node": no primary, nobody chosen.
const NoNode NodeID = -1

// MaxNodes is how many there can be. What is kept by node has room for all of them, for
// nodes may be added while pgherd runs.
const MaxNodes = 128

// Access says how commands are run on a node's machine.
type Access int

const (
	AccessNone  Access = iota // they are not: the node cannot be stopped, started or rebuilt
	AccessLocal               // on this machine, as the owner of the data directory
	AccessSSH                 // by the system's ssh
	AccessSQL                 // by functions of the servers: its own stops it, others' scripts start it
)

func (a Access) String() string { return [...]string{"none", "local", "ssh", "sql"}[a] }

// Machine reports whether any command can be run there, whatever the server does.
func (a Access) Machine() bool { return a == AccessLocal || a == AccessSSH }

// Stops reports whether a server that answers can be stopped.
func (a Access) Stops() bool { return a != AccessNone }

// Node is one PostgreSQL instance as configured. It does not change while
// pgherd runs.
type Node struct {
	ID            NodeID
	Name          string // application_name of its replication connection and the name of its slot
	Host          string // or the directory of a Unix-domain socket
	Port          int
	DataDirectory string
	Access        Access
	SSL           SSL
	Flag          Flag
	Weight        float64 // share of the reads, 0 = none (Pgpool-II backend_weight)
}

// Flag says what pgherd may do about a node by itself (Pgpool-II backend_flag).
type Flag int

const (
	AllowToFailover    Flag = iota
	DisallowToFailover      // a node that fails is not given up, nor detached by command
	AlwaysPrimary           // the node is the primary, whatever happens: another service fails it over
)

func (f Flag) String() string {
	return [...]string{"ALLOW_TO_FAILOVER", "DISALLOW_TO_FAILOVER", "ALWAYS_PRIMARY"}[f]
}

// Address is host:port, with brackets around an IPv6 address.
func (n Node) Address() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// Role is what a node is in replication.
type Role int

const (
	RoleUnknown Role = iota
	Primary
	Standby
)

func (r Role) String() string { return [...]string{"unknown", "primary", "standby"}[r] }

// Status is pgherd's own view of a node, in Pgpool-II's words.
type Status int

const (
	Unused     Status = iota // configured away
	Waiting                  // believed good, not used yet
	Up                       // in use
	Down                     // out of service until attached or recovered
	Quarantine               // unreachable, but nothing may be decided from that
	Recovering               // the recovery engine owns it
)

func (s Status) String() string {
	return [...]string{"unused", "waiting", "up", "down", "quarantine", "recovering"}[s]
}

// Serves reports whether sessions may use a node of this status.
func (s Status) Serves() bool { return s == Waiting || s == Up }
