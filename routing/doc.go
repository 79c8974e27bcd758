// Package routing turns the facts about a statement, what the session has done,
// and the picture of the cluster into one Route with a Reason. It is pure: no
// clock, no I/O, no randomness of its own.
//
// Session is the part of a session's history that matters: the Token it must
// not read behind, or the time since which that token is not known yet. Reads
// stay on one standby while it qualifies; leaving it, or reading from the
// primary, asks for a new token, so that time never runs backwards.
//
// What a standby has shown the primary may not show yet: Session.Ahead says whether
// whoever goes to the primary must wait for that.
//
// A Judge corrects the facts of a statement by what the configuration's lists and the
// Catalog of the database say of its functions and relations.
//
// A read is wanted somewhere by a Wish: of a hint, of SET pgherd.route, of a
// redirect preference list. Policy is the rest of the configuration. Freshness
// goes before both. A Verdict says for one standby whether it may serve a read;
// Candidates lists them, for EXPLAIN ROUTE.
//
// Caveat: Decide resolves the session's token as a side effect, on the Session
// it is given; nothing else changes.
package routing
