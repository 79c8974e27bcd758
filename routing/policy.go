package routing

import (
	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
)

// Policy is what the configuration says of reads, the same for all sessions. The
// zero Policy is the configuration's default.
type Policy struct {
	Unbalanced      bool // load_balance_mode off
	PrimaryByWeight bool // primary_reads: weight
	StatementLevel  bool // statement_level_load_balance
	AfterWrite      config.DisableOnWrite
	Delay           DelayLimit
}

// PolicyOf reads the section of the configuration.
func PolicyOf(r config.Routing) Policy {
	return Policy{Unbalanced: !r.LoadBalanceMode, PrimaryByWeight: r.PrimaryReads == config.PrimaryByWeight,
		StatementLevel: r.StatementLevelLoadBalance, AfterWrite: r.DisableOnWrite,
		Delay: DelayLimit{cluster.LSN(r.DelayThreshold), r.DelayThresholdByTime, r.PreferLowerDelayStandby}}
}

// Redirects are the preference lists, in the order in which they apply.
type Redirects [3][]config.Preference

// RedirectsOf reads the lists of the configuration, which Load has checked.
func RedirectsOf(r config.Routing, nodes int) (all Redirects) {
	for i, list := range [...]string{r.AppNamePreferences, r.DatabasePreferences, r.UserPreferences} {
		all[i], _ = config.ParsePreferences(list, nodes)
	}
	return all
}

// Of is the wish of the first entry that matches; the zero Wish if none does.
func (r *Redirects) Of(application, database, user string) Wish {
	for i, name := range [...]string{application, database, user} {
		for _, p := range r[i] {
			if p.Name.MatchString(name) {
				return Wish{p.Target, cluster.NodeID(p.Node), p.Ratio}
			}
		}
	}
	return Wish{}
}
