// Package corpus has SQL to test with: Read cuts the files of a regression suite,
// such as PostgreSQL's own, into statements, and a Generator makes any number of
// random ones over a schema of its own. For tests only.
package corpus
