package failover

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// attempt is one try to have a node answer, on a goroutine of its own.
type attempt struct {
	stop    context.CancelFunc
	done    chan struct{} // closed at the end; what follows is the goroutine's until then
	conn    *pgx.Conn     // nil: one is made
	account account
	r       Report
	err     error
}

// begin starts a try on the monitor's connection, which is the attempt's from now on.
func (m *monitor) begin(ctx context.Context) *attempt {
	a := &attempt{done: make(chan struct{}), conn: m.conn, account: m.account, r: Report{Began: time.Now(), Outcome: Alive}}
	m.conn = nil
	ctx, a.stop = context.WithCancel(ctx)
	go func() {
		defer close(a.done)
		a.err = a.ask(ctx, m.connect)
	}()
	return a
}

func (a *attempt) ask(ctx context.Context, connect func(context.Context) (*pgx.Conn, error)) (err error) {
	if a.conn == nil {
		if a.conn, err = connect(ctx); err != nil {
			return err
		}
	}
	if err := ask(ctx, a.conn, &a.r); err != nil {
		return err
	}
	a.r.Lacks, err = a.account.ask(ctx, a.conn, a.r.Began)
	return err
}

func (m *monitor) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := ownConfig(m.node, m.config.Monitor)
	if err != nil {
		return nil, err
	}
	config.LookupFunc = m.name.lookup
	return open(ctx, m.node, config)
}

// end waits for the goroutine, whose connection is of no use any more.
func (a *attempt) end() {
	a.stop()
	<-a.done
	if a.conn != nil {
		hangUp(a.conn)
	}
}

// once tries for as long as the limit. A try that has no answer by then is not given
// up at once: a node under load answers late, and one answer on any connection is
// enough for it to be alive.
func (m *monitor) once(ctx context.Context) (Report, error) {
	a := m.begin(ctx)
	timer := time.NewTimer(m.limit)
	defer timer.Stop()
	for {
		select {
		case <-a.done:
			return m.take(a)
		case <-m.answered():
			if m.late.err == nil {
				a.end()
				a, m.late = m.late, nil
				return m.take(a)
			}
			m.giveUp() // the other one may fare better
		case <-timer.C:
			return m.put(a)
		}
	}
}

// answered is closed when a late try has come to its end.
func (m *monitor) answered() <-chan struct{} {
	if m.late == nil {
		return nil
	}
	return m.late.done
}

// take is the result of a try that has ended; its connection goes on in use.
func (m *monitor) take(a *attempt) (Report, error) {
	if a.err != nil {
		a.end()
		return Report{Began: a.r.Began}, a.err
	}
	a.stop()
	m.conn, m.account = a.conn, a.account
	return a.r, nil
}

// put sets a late try aside to go on by itself, if there is no other such try.
func (m *monitor) put(a *attempt) (Report, error) {
	r := Report{Began: a.r.Began}
	if m.late == nil {
		m.late = a
	} else {
		a.end()
	}
	return r, context.DeadlineExceeded
}

// giveUp waits no longer for what is late.
func (m *monitor) giveUp() {
	if m.late != nil {
		m.late.end()
		m.late = nil
	}
}
