package main

import (
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/hba"
	"github.com/pgherd/pgherd/internal/users"
)

// access is what the files of section auth say.
type access struct {
	secrets map[string]config.Secret
	users   *users.Directory
	hba     *hba.Rules // nil without auth.hba_file
	ident   *hba.Maps  // nil without auth.ident_file
	asker   cluster.Credentials
}

// loadAccess reads the files. Its errors name file and line.
func loadAccess(cfg *config.Config) (*access, error) {
	a := &access{}
	var err error
	if path := cfg.Auth.UsersFile; path != "" {
		if a.secrets, err = config.LoadUsers(path); err != nil {
			return nil, fmt.Errorf("auth.users_file: %w", err)
		}
	}
	if path := cfg.Auth.HBAFile; path != "" {
		if a.hba, err = hba.Load(path); err != nil {
			return nil, fmt.Errorf("auth.hba_file: %w", err)
		}
	}
	if path := cfg.Auth.IdentFile; path != "" {
		if a.ident, err = hba.LoadMaps(path); err != nil {
			return nil, fmt.Errorf("auth.ident_file: %w", err)
		}
	}
	a.users = users.New(a.secrets)
	a.asker, err = a.askerOf(cfg)
	return a, err
}

// askerOf is whom auth.query runs as.
func (a *access) askerOf(cfg *config.Config) (cluster.Credentials, error) {
	c := cluster.Credentials{User: cfg.Auth.QueryUser, Database: cfg.Auth.Database}
	secret, ok := a.secrets[c.User]
	switch {
	case c.User == "":
	case ok && !users.IsPassword(secret):
		return c, fmt.Errorf("auth.query_user: auth.users_file has a hash for user %q; pgherd needs the password itself to log in to the nodes", c.User)
	case ok:
		c.Password = secret.Reveal()
	case c.User == cfg.Monitor.User:
		c.Password = cfg.Monitor.Password.Reveal()
	}
	return c, nil
}

// ask has unknown users looked up on the nodes, when that is configured.
func (a *access) ask(auth config.Auth, board *cluster.Board, log hclog.Logger) *users.AuthQuery {
	if auth.QueryUser == "" {
		return nil
	}
	q := users.NewAuthQuery(auth.Query, a.asker, board, log)
	a.users.LookUp(q, auth.QueryTTL)
	return q
}
