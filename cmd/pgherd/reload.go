package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/config"
)

// reloads is what a reload compares with.
type reloads struct {
	file string // "" when the configuration did not come from one

	mu      *sync.Mutex    // one reload at a time; guards what follows
	started *config.Config // as it was then, with the nodes that have been added
	current *config.Config // as it was read or set last
	inForce *config.Config // the same, but for what waits for a restart
}

func newReloads(cfg *config.Config) reloads {
	return reloads{started: cfg, current: cfg, inForce: cfg, mu: &sync.Mutex{}}
}

// follow takes a configuration over.
func (r *reloads) follow(cfg *config.Config) {
	r.current, r.inForce = cfg, cfg.InForce(r.started)
}

// config is the configuration in force.
func (a *app) config() *config.Config {
	a.reloads.mu.Lock()
	defer a.reloads.mu.Unlock()
	return a.reloads.inForce
}

// PendingRestart is the keys whose value in the file is not in force yet.
func (a *app) PendingRestart() []string {
	a.reloads.mu.Lock()
	defer a.reloads.mu.Unlock()
	return a.reloads.inForce.PendingRestart(a.reloads.current)
}

// Reload reads the configuration file, and what it names, again. A mistake
// changes nothing. The notes say what has changed, and what needs a restart.
func (a *app) Reload() (notes []string, err error) {
	r := &a.reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := readAgain(r.file)
	if err == nil {
		err = a.certs.Reload()
	}
	if err == nil {
		err = a.addNodes(next.cfg)
	}
	if err != nil {
		a.log.Error("the configuration was not reloaded", "error", err)
		return nil, err
	}
	changed, notes := changes(r.current, next.cfg)
	notes = append(notes, config.DescribeNodes(r.inForce, next.cfg)...)
	waiting := config.NeedRestart(config.Diff(r.started, next.cfg), r.started, next.cfg)
	if len(waiting) > 0 {
		notes = append(notes, "after a restart only: "+strings.Join(waiting, ", "))
	}
	if slices.Contains(waiting, "nodes") {
		notes = append(notes, config.AdviseNodes(r.started, next.cfg))
	}
	a.apply(next)
	r.follow(next.cfg)
	if a.logs != nil {
		if err := a.logs.Reopen(); err != nil {
			a.log.Error("the log goes on in the old file", "error", err)
		}
	}
	a.log.Info("reloaded the configuration", "changed", strings.Join(changed, ", "))
	if len(waiting) > 0 {
		a.log.Warn("some changes need a restart", "keys", strings.Join(waiting, ", "))
	}
	return notes, nil
}

// changes are the keys that differ, and what to say of each.
func changes(before, after *config.Config) (keys, notes []string) {
	keys = config.Diff(before, after)
	for _, key := range keys {
		if key != "nodes" { // see Reload
			notes = append(notes, config.Describe(before, after, key))
		}
	}
	return keys, notes
}

// Set changes one key until the next Reload.
func (a *app) Set(key, value string) (notes []string, err error) {
	r := &a.reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.current.With(key, value)
	if err != nil {
		return nil, err
	}
	access, err := loadAccess(next)
	if err != nil {
		return nil, err
	}
	changed, notes := changes(r.current, next)
	a.apply(reloaded{next, access})
	r.follow(next)
	a.log.Info("set until the next reload", "changed", strings.Join(changed, ", "))
	return notes, nil
}

// CheckConfig is Reload's look for mistakes. The certificates are not read.
func (a *app) CheckConfig() error {
	_, err := readAgain(a.reloads.file)
	return err
}

// reloaded is everything that a reload reads. What may fail is done while it is
// made, so that a mistake anywhere changes nothing.
type reloaded struct {
	cfg    *config.Config
	access *access
}

func readAgain(file string) (r reloaded, err error) {
	if file == "" {
		return r, errors.New("pgherd was not started with a configuration file")
	}
	if r.cfg, err = config.Load(file); err != nil {
		return r, err
	}
	r.access, err = loadAccess(r.cfg)
	return r, err
}

// apply hands what was read to the rooms. Whatever else can follow a reload is
// called here; it must not fail.
func (a *app) apply(r reloaded) {
	a.log.SetLevel(hclog.LevelFromString(r.cfg.Log.Level.String()))
	a.users.Replace(r.access.secrets)
	a.pools.Configure(poolConfig(r.cfg, nil, 0, a.certs.nodes))
	a.server.Configure(serverConfig(r.cfg, r.access, a.board, a.certs.clients))
	a.console.SetUsers(r.cfg.Console.AdminUsers, r.cfg.Console.StatsUsers)
	if config.SameNodes(a.reloads.started, r.cfg) {
		a.failover.SetWeights(context.Background(), weightsOf(r.cfg))
	}
}

func weightsOf(cfg *config.Config) []float64 {
	weights := make([]float64, len(cfg.Nodes))
	for i, n := range cfg.Nodes {
		weights[i] = n.Weight
	}
	return weights
}
