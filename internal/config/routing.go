package config

import "time"

// Routing tunes the choice of the node that runs a read. Names are Pgpool-II's
// where it has the parameter.
type Routing struct {
	CatchupWait time.Duration `yaml:"catchup_wait"` // wait for a standby before a read goes to the primary
	DeferBegin  bool          `yaml:"defer_begin"`  // send BEGIN with the first statement of the block, which chooses the node

	LoadBalanceMode           bool           `yaml:"load_balance_mode"` // off: everything to the primary
	PrimaryReads              PrimaryReads   `yaml:"primary_reads"`
	StatementLevelLoadBalance bool           `yaml:"statement_level_load_balance"` // choose for each statement, not each session
	DisableOnWrite            DisableOnWrite `yaml:"disable_load_balance_on_write"`

	DatabasePreferences string `yaml:"database_redirect_preference_list"` // see ParsePreferences
	AppNamePreferences  string `yaml:"app_name_redirect_preference_list"`
	UserPreferences     string `yaml:"user_redirect_preference_list"`

	DelayThreshold          Size          `yaml:"delay_threshold"`         // bytes of log; 0 = none
	DelayThresholdByTime    time.Duration `yaml:"delay_threshold_by_time"` // goes before DelayThreshold; 0 = none
	PreferLowerDelayStandby bool          `yaml:"prefer_lower_delay_standby"`

	ReadOnlyFunctions  []string      `yaml:"read_only_function_list"` // see Patterns
	WriteFunctions     []string      `yaml:"write_function_list"`
	PrimaryQueries     []string      `yaml:"primary_routing_query_pattern_list"`
	AllowSQLComments   bool          `yaml:"allow_sql_comments"`   // off: what begins with a comment that is no hint goes to the primary
	CheckUnloggedTable bool          `yaml:"check_unlogged_table"` // read unlogged tables on the primary
	RelcacheExpire     time.Duration `yaml:"relcache_expire"`      // of what a database's catalog said; 0 = never
}

// PrimaryReads says when the primary serves reads that a standby could.
type PrimaryReads int

const (
	PrimaryFallback PrimaryReads = iota // when no standby may
	PrimaryByWeight                     // also by its weight, as in Pgpool-II
)

func (PrimaryReads) choices() []string { return []string{"fallback", "weight"} }

// String is the word used in the file.
func (p PrimaryReads) String() string { return p.choices()[p] }

// DisableOnWrite says which reads follow a write to the primary. What the
// transaction itself has written it always sees.
type DisableOnWrite int

const (
	DisableInTransaction  DisableOnWrite = iota // those of the same transaction
	DisableOff                                  // the same: a standby can't know the transaction's own rows
	DisableInTransactions                       // and of all later transaction blocks of the session
	DisableAlways                               // every read of the session from then on
	DisableAdaptive                             // as in a transaction: a read on a standby would leave it
)

func (DisableOnWrite) choices() []string {
	return []string{"transaction", "off", "trans_transaction", "always", "dml_adaptive"}
}

// String is the word used in the file.
func (d DisableOnWrite) String() string { return d.choices()[d] }

func (v validator) routing(r Routing, nodes int) {
	atLeast(v, "routing.catchup_wait", r.CatchupWait, 0)
	atLeast(v, "routing.delay_threshold_by_time", r.DelayThresholdByTime, 0)
	v.preferences("routing.database_redirect_preference_list", r.DatabasePreferences, nodes)
	v.preferences("routing.app_name_redirect_preference_list", r.AppNamePreferences, nodes)
	v.preferences("routing.user_redirect_preference_list", r.UserPreferences, nodes)
	v.patterns("routing.read_only_function_list", r.ReadOnlyFunctions)
	v.patterns("routing.write_function_list", r.WriteFunctions)
	v.patterns("routing.primary_routing_query_pattern_list", r.PrimaryQueries)
	atLeast(v, "routing.relcache_expire", r.RelcacheExpire, 0)
}

func (v validator) preferences(key, list string, nodes int) {
	if _, err := ParsePreferences(list, nodes); err != nil {
		v.failf(key, "%v", err)
	}
}
