package server

// skip drops what the server won't answer, up to the next Sync.
func (u *turn) skip() {
	q := &u.replies
	end := q.head
	for end < len(q.due) && q.due[end].request != reqSync {
		if r := q.due[end]; (r.request == reqQuery || r.request == reqCall) && r.visibility == shown {
			q.popEffects()
		}
		end++
	}
	for i := end - 1; i >= q.head; i-- {
		u.undo(&q.due[i])
	}
	for range end - q.head {
		q.pop()
	}
	if u.skipping = q.empty(); u.skipping {
		q.boundary = false
	}
}

// undo takes back what encode has noted about a request that was not carried out.
// Requests must be undone in reverse order.
func (u *turn) undo(e *expected) {
	s := u.session
	switch {
	case e.before.name != "":
		s.remember(e.client, e.before)
	case e.client != "":
		delete(s.prepared, e.client)
	}
	if e.statement == "" || s.server == nil {
		return
	}
	switch e.request {
	case reqParse, reqExecute:
		s.server.Statements.Remove(e.statement)
	case reqClose:
		if e.closes != "" {
			s.server.Statements.Restore(e.statement, e.closes)
		}
	}
}

// pop takes the answer that has come from the queue.
func (u *turn) pop() {
	if e := u.replies.first(); e.client != "" && u.replay.whole() {
		u.undoable = append(u.undoable, *e)
	}
	u.replies.pop()
}

// undoBatch takes back what the batch under way has done, and undoAll before that
// what was noted about those behind it.
func (u *turn) undoBatch() {
	u.undoAll()
	for i := len(u.undoable) - 1; i >= 0; i-- {
		u.undo(&u.undoable[i])
	}
	u.undoable = u.undoable[:0]
}

// undoAll takes back what was noted about requests that will not be answered.
func (u *turn) undoAll() {
	for i := len(u.replies.due) - 1; i >= u.replies.head; i-- {
		u.undo(&u.replies.due[i])
	}
}
