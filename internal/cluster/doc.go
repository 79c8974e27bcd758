// Package cluster is the vocabulary that every other room shares: nodes and
// their roles and statuses, log positions, the picture of the cluster, and the
// store that survives a restart.
//
// There are few types. A Node is what the configuration says of one PostgreSQL
// instance. A Snapshot is an immutable picture of all nodes at one moment; the
// Board publishes the newest one by atomic pointer. Only the failover engine
// publishes. A Position is the one thing that moves faster than the picture:
// the last log position polled from a node, kept beside the snapshots. A Token
// is the position that a session must not read behind. The Store keeps the
// epoch, the primary and the journal of an unfinished operation in a file.
//
// Caveats: a Snapshot must never be changed after Publish; take Clone. Epochs
// never decrease; a Token of an older epoch means nothing without the Switch
// that ended it.
package cluster
