// Package recovery brings a node back as a streaming standby of the primary.
//
// There are few types. The Engine owns the jobs; Recover runs one and returns
// when the node is attached and caught up. Plan is pure: from Facts about the
// node and the primary it chooses a Procedure, or lists the Obstacles that the
// operator must remove first. A Job is what SHOW POOL_RECOVERY prints, and
// Progress is what one command's client is told on the way.
//
// Diagnose compares the end of the node's log with the primary's timelines. Follow
// starts the node as a standby, and makes way for Rebuild where that turns out not to
// do. Rewind takes back what it alone has, behind a marker beside the directory: one
// that was interrupted is good for nothing. Rebuild writes
// a base backup of the primary beside the data directory, verifies it, and swaps it
// in by two renames; the old directory goes away only when its successor streams, has
// caught up and is attached. Before the swap a failed or cancelled job leaves the
// node's old directory as it was. After the swap nothing is swapped back: the node
// stays down, the old directory stays under the name that the error tells, and
// RECOVER may be run again.
//
// A tablespace has its Place on the node. The copy is made beside it, and takes the
// place while there is no data directory; a marker tells how to take that back.
//
// Options name a procedure, a standby to copy from, and more. RunAuto recovers failed
// nodes without being asked, as far as Config.Auto lets it.
//
// Before a rewind or a rebuild takes back what the node alone has, that is told, and
// completed log that waits for the archiver is archived.
//
// The node keeps its own configuration files (*.conf) where it has readable
// ones; else those of the primary are used. The port and the keys about
// replication are always rewritten, in postgresql.auto.conf.
//
// TwoStage is Pgpool-II's way: scripts in the primary's data directory, run there by an
// extension's functions, do the work, and while the second runs, clients wait.
//
// Caveats. The node must be a local instance (access local) that accepts
// connections as a standby (hot_standby on). A data directory or tablespace that is a
// mount point, which cannot be renamed, is not rebuilt. Other files in the data directory, such
// as server.key, become copies of the primary's. Two pgherds must not recover
// the same node at once: leftovers of a crash are told by their marker files,
// not by a lock.
package recovery
