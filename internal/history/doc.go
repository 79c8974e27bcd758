// Package history judges what clients of a cluster of registers have seen; for
// tests only. A history is a list of Ops: reads, and writes of ever larger
// versions, each key by one client at a time. Guarantees looks for violations of
// the four session guarantees (Terry et al., 1994); Linearizable asks whether the
// history could have happened on one node.
//
// Caveat: a write's effect on others is known through its version alone, so
// versions of a key must be unique and grow in the order of its writes.
package history
