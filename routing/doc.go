// Package routing turns the facts about a statement, what the session has done,
// and the picture of the cluster into one Route with a Reason. It is pure: no
// clock, no I/O, no randomness of its own.
//
// Session is the part of a session's history that matters: the Token it must
// not read behind, or the time since which that token is not known yet. Reads
// stay on one standby while it qualifies; leaving it, or reading from the
// primary, asks for a new token, so that time never runs backwards.
//
// A Judge corrects the facts of a statement by what the configuration's lists and the
// Catalog of the database say of its functions and relations.
//
// Caveat: Decide resolves the session's token as a side effect, on the Session
// it is given; nothing else changes.
package routing
