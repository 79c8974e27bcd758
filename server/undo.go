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
	for i := end - 1; i > q.head; i-- {
		u.undo(i)
	}
	u.undoFailed()
	for range end - q.head {
		q.pop()
	}
	if u.skipping = q.empty(); u.skipping {
		u.forgetAhead() // the rest of the batch is dropped
		q.boundary = false
	}
}

// undo takes back what encode has noted about a request that was not carried out.
// Requests must be undone in reverse order.
func (u *turn) undo(i int) {
	u.closedBehind(i)
	u.undoNames(&u.replies.due[i])
	u.putBack(i)
	u.nothingToClose(i)
}

// nothingToClose has a Close of what has not been prepared restore nothing, should that be
// undone as well.
func (u *turn) nothingToClose(i int) {
	due := u.replies.due
	if due[i].statement == "" || due[i].request == reqClose {
		return
	}
	for j := i + 1; j < len(due); j++ {
		if due[j].request == reqClose && due[j].statement == due[i].statement {
			due[j].closes = ""
		}
	}
}

// closedBehind hands over what a Close was to end where one in a later batch ends the same
// name: nothing is left to restore then, unless that one is undone as well.
func (u *turn) closedBehind(i int) {
	due := u.replies.due
	if due[i].request != reqClose || due[i].statement == "" {
		return
	}
	behind := false // what is in the same batch has been undone before
	for j := i + 1; j < len(due); j++ {
		if behind && due[j].request == reqClose && due[j].statement == due[i].statement {
			due[j].closes, due[i].closes = due[i].closes, ""
			return
		}
		behind = behind || due[j].request.ready()
	}
}

// undoFailed does so for the one that has failed. An unnamed statement that could not
// be prepared has still ended the one before.
func (u *turn) undoFailed() {
	q := &u.replies
	if e := q.first(); e.replaces == replacesUnnamed {
		e.replaced = &unnamed{}
	}
	u.undo(q.head)
}

// undoNames is undo for what names stand for, in the session and on the server.
func (u *turn) undoNames(e *expected) {
	s := u.session
	switch {
	case e.before.name != "":
		s.remember(e.client, e.before)
	case e.client != "":
		s.unname(e.client)
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
	e := u.replies.first()
	if e.client != "" && u.replay.whole() {
		u.undoable = append(u.undoable, *e)
	}
	u.noteParsed(e)
	u.replies.pop()
}

// undoBatch takes back what the batch under way has done, and undoAll before that
// what was noted about those behind it.
func (u *turn) undoBatch() {
	u.undoAll()
	for i := len(u.undoable) - 1; i >= 0; i-- {
		u.undoNames(&u.undoable[i])
	}
	u.undoable = u.undoable[:0]
}

// undoAll takes back what was noted about requests that will not be answered.
func (u *turn) undoAll() {
	for i := len(u.replies.due) - 1; i >= u.replies.head; i-- {
		u.undo(i)
	}
}
