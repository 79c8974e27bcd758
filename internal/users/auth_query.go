package users

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
)

// maxAskers is how many connections AuthQuery uses at most.
const maxAskers = 2

// AuthQuery is a Lookup that asks the nodes, the primary first, on connections
// of its own: as its own user, never as the client, and with nothing that a
// client has sent but the name, as a parameter.
type AuthQuery struct {
	query string
	as    cluster.Credentials
	board *cluster.Board
	log   hclog.Logger
	slots chan struct{} // taken while somebody asks
	idle  chan *asker
}

// asker is a connection that is kept for the next question.
type asker struct {
	node cluster.NodeID
	conn *pgx.Conn
}

// NewAuthQuery makes a Lookup of auth.query, which takes a name and gives name
// and secret. Close ends its connections.
func NewAuthQuery(query string, as cluster.Credentials, board *cluster.Board, log hclog.Logger) *AuthQuery {
	return &AuthQuery{query: query, as: as, board: board, log: log,
		slots: make(chan struct{}, maxAskers), idle: make(chan *asker, maxAskers)}
}

// Close waits for questions under way, and ends the connections.
func (q *AuthQuery) Close() {
	for range maxAskers {
		q.slots <- struct{}{}
	}
	close(q.idle)
	for a := range q.idle {
		a.hangUp()
	}
}

func (a *asker) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = a.conn.Close(ctx) // nothing depends on it
}

// Secret implements Lookup.
func (q *AuthQuery) Secret(ctx context.Context, user string) (secret string, found bool, err error) {
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return "", false, errors.New("too many users are being looked up")
	}
	defer func() { <-q.slots }()
	secret, found, err = q.askAny(ctx, user)
	if err != nil {
		q.log.Error("cannot look up a user", "user", Clip(user), "as", q.as.String(), "error", err)
	}
	return secret, found, err
}

// askAny asks on a kept connection first: that may have ended meanwhile.
func (q *AuthQuery) askAny(ctx context.Context, user string) (string, bool, error) {
	if a := q.kept(); a != nil {
		secret, found, err := a.ask(ctx, q.query, user)
		q.keep(a, err)
		if err == nil {
			return secret, found, nil
		}
	}
	err := errors.New("no node is in service")
	for _, n := range q.nodes() {
		var a *asker
		if a, err = q.connect(ctx, n); err != nil {
			continue
		}
		secret, found, err := a.ask(ctx, q.query, user)
		q.keep(a, err)
		return secret, found, err
	}
	return "", false, err
}

// kept is an idle connection to a node in service.
func (q *AuthQuery) kept() *asker {
	board := q.board.Current()
	for {
		select {
		case a := <-q.idle:
			if board.Nodes[a.node].Status.Serves() && !a.conn.IsClosed() {
				return a
			}
			a.hangUp()
		default:
			return nil
		}
	}
}

// keep must be called by one who holds a slot: so there is room.
func (q *AuthQuery) keep(a *asker, err error) {
	if err != nil {
		a.hangUp()
		return
	}
	q.idle <- a
}

// nodes are those in service, the primary first.
func (q *AuthQuery) nodes() []cluster.Node {
	board := q.board.Current()
	var first, others []cluster.Node
	for _, n := range board.Nodes {
		switch {
		case !n.Status.Serves():
		case n.ID == board.Primary:
			first = append(first, n.Node)
		default:
			others = append(others, n.Node)
		}
	}
	return append(first, others...)
}

func (q *AuthQuery) connect(ctx context.Context, n cluster.Node) (*asker, error) {
	info := n.OwnConninfo(q.as).With("dbname", q.as.Database).With("application_name", "pgherd auth_query")
	config, err := pgx.ParseConfig(info.String())
	if err != nil {
		return nil, fmt.Errorf("node %d: connection parameters: %w", n.ID, err)
	}
	config.RuntimeParams["search_path"] = "pg_catalog, pg_temp"
	config.RuntimeParams["statement_timeout"] = fmt.Sprint(lookupTimeout.Milliseconds())
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("node %d: connecting to %s as %q: %w", n.ID, n.Address(), q.as.User, err)
	}
	return &asker{n.ID, conn}, nil
}

// ask runs the query. What it gives must be what was asked for: at most one row,
// of two columns, the first of which is the name.
func (a *asker) ask(ctx context.Context, query, user string) (string, bool, error) {
	rows, err := a.conn.Query(ctx, query, user)
	if err != nil {
		return "", false, fmt.Errorf("node %d: auth.query: %w", a.node, err)
	}
	defer rows.Close()
	count, text := 0, (*string)(nil)
	for ; rows.Next(); count++ {
		var name *string
		if n := len(rows.FieldDescriptions()); n != 2 {
			return "", false, fmt.Errorf("auth.query gives %d columns, want the user's name and secret", n)
		}
		if err := rows.Scan(&name, &text); err != nil {
			return "", false, fmt.Errorf("auth.query must give two columns of text: %w", err)
		}
		if name == nil || *name != user {
			return "", false, errors.New("auth.query gives another user than was asked for")
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		return "", false, fmt.Errorf("node %d: auth.query: %w", a.node, err)
	case count > 1:
		return "", false, fmt.Errorf("auth.query gives %d rows for one user", count)
	case text == nil:
		return "", false, nil
	}
	return *text, true, nil
}

// Clip is a name of a stranger's choice as it may stand in the log: it neither fills
// it nor begins a line of its own, whatever bytes it has.
func Clip(name string) string {
	const most = 63 // the longest name that PostgreSQL knows
	if len(name) > most {
		name = name[:most] + "..."
	}
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}
