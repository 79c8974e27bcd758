// Package sqlparse turns SQL text into the few facts that routing and session
// tracking need, read from PostgreSQL's own grammar (pg_query) behind a cache.
//
// A Parser answers Parse with *Facts: the Kind of the first statement, Traits
// (does it write, does it open or end a transaction), and a Pin when the session
// must keep its server afterwards. Tables and Functions list what it names, Modes
// what sort of transaction it asks for. Settings reads plain SET and RESET,
// Touched and FindConfigured what else is set, Namings PREPARE and DEALLOCATE. A Hint
// is what a comment in front of the text asks for.
//
// The cache is keyed by the shape of the text: its tokens with constants replaced,
// and white space and comments dropped, but for a hint. Facts therefore never depend
// on the value of a constant, nor on how many stand in IN (...) or VALUES. Where the
// grammar itself does (float(n), ALTER INDEX ... ALTER COLUMN n), and where the
// scanner is in doubt, the shape is not used. Texts that come again to the byte are
// not even scanned.
//
// The rule is that what is not provably a read is a write. Reads that can still
// fool it, because names are not looked up in the catalogs:
//   - a user's function of the same name as a built-in one, an operator, a cast, t.f for f(t) or
//     a view may call anything. Of the first and the last the catalog tells (routing.Judge).
//     The standby refuses the write; the caller remembers that with RefuseStandby.
//   - functions that are not built in count as writes, with the trait CatalogDecides
//     where nothing else does: their pg_proc.provolatile may say otherwise (routing.Judge).
//   - constants are not looked at: 'now'::timestamptz has no TransactionBound.
//   - DO blocks and functions may leave state in the session that no Pin tells of;
//     currval and lastval need the session that called nextval.
//   - standard_conforming_strings is taken to be on and the text to be UTF-8. Text
//     of a session that turned the first off must be treated as a write, whatever
//     the facts say. Text that isn't valid UTF-8 is Unknown.
//
// Caveat: pg_query recurses in C without a limit, and a text nested some ten
// thousand levels deep would overflow the thread's stack and end the process.
// Texts that could nest so far (MaxText, maxJoints) are not parsed: Unknown. The
// limits fit the usual 8 MiB of stack (ulimit -s).
package sqlparse
