// Package livesql answers SELECT over tables that are Go functions: each is
// called once for a query and gives its rows as they are at that moment.
//
// A Catalog has the tables. Prepare parses a text with PostgreSQL's grammar,
// resolves and types every name in it, and writes SQLite's spelling of what it
// has understood; nothing else ever reaches SQLite. Query.Run opens an empty
// in-memory SQLite with one virtual table for each table that is read, and
// nothing but SELECT can be said to it; what all queries may use of memory is bounded
// (memory.go). Types are PostgreSQL's and are known
// before a query runs: Describe needs them.
//
// In SQLite a bool is 0 or 1, a timestamptz microseconds since 1970, as are a timestamp
// and a date, an interval microseconds, so that comparing, sorting and arithmetic need
// no conversion. An array is its text.
//
// Caveats:
//   - The relations of pg_catalog that psql and drivers ask for are there, with
//     the columns they ask for (catalog.go). A query that reads any other relation
//     of pg_catalog has no rows, nor has one that reads nothing else and is not understood.
//   - numeric is a 64-bit integer or a double, and months are 30 days in an interval,
//     unless a literal is added to a time or is the step of generate_series.
//   - The time zone is UTC. Arrays have one dimension, and texts or whole numbers in it.
//   - Rows as values, GROUPING SETS, and writing of any kind are refused.
package livesql
