// Package pgtest makes real throw-away PostgreSQL clusters for tests, and has
// the few helpers that such tests share. Nothing but tests may import it.
//
// Cluster starts a primary (node 0) and streaming standbys in a directory of
// their own and takes everything down when the test ends. Await polls a
// condition; Leaks fails a test that leaves goroutines behind.
//
// Caveats. A machine without PostgreSQL fails the test: a skipped test proves
// nothing. Only go test -short, which is for what needs no servers, skips it. The servers run with fsync=off unless WithFsync says otherwise, so
// that they survive kill -9 but not a power cut. As root they run as the user
// postgres. The first cluster of a machine leaves a template in the temporary
// directory, which later ones copy; all clusters made from it have the same
// system identifier, unless WithNewSystem. Methods without an error result end
// the test on failure, so they belong on the test's own goroutine.
package pgtest
