package server

import (
	"sync"

	"github.com/pgherd/pgherd/internal/wire"
	"github.com/pgherd/pgherd/sqlparse"
)

// headcount counts the clients that have logged in, by database and by user.
type headcount struct {
	mu        sync.Mutex // guards the maps
	databases map[string]int
	users     map[string]int
}

// enter counts a client, or says which limit is reached.
func (h *headcount) enter(database, user string, p *Profile) *wire.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case p.MaxDatabaseClients > 0 && h.databases[database] >= p.MaxDatabaseClients:
		return errTooManyOf("database", database, p.MaxDatabaseClients, "max_db_client_connections")
	case p.MaxUserClients > 0 && h.users[user] >= p.MaxUserClients:
		return errTooManyOf("user", user, p.MaxUserClients, "max_user_client_connections")
	}
	if h.databases == nil {
		h.databases, h.users = map[string]int{}, map[string]int{}
	}
	h.databases[database]++
	h.users[user]++
	return nil
}

// in is how many clients are in a database.
func (h *headcount) in(database string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.databases[database]
}

func (h *headcount) leave(database, user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	subtract(h.databases, database)
	subtract(h.users, user)
}

func subtract(counts map[string]int, name string) {
	if counts[name]--; counts[name] == 0 {
		delete(counts, name)
	}
}

// desert closes our idle connections to the database that a statement wants for itself,
// if no client is in it. PostgreSQL waits five seconds for them to go.
func (u *turn) desert(f *sqlparse.Facts) {
	srv := u.session.shard.srv
	if f.Deserted != "" && srv.headcount.in(f.Deserted) == 0 {
		srv.Reconnect(f.Deserted)
	}
}
