// Package walreceiver receives PostgreSQL's write-ahead log over the streaming
// replication protocol, and keeps it in a directory of segments.
//
// A Receiver has the four calls of PostgreSQL's walreceiver API: Connect,
// Receive, Send, Disconnect. Conn is the one that speaks to a server; what it
// speaks over is a Transport, Network unless a test plugs in another. Before it
// streams, and between two timelines, a Conn also answers questions: Identify,
// SegmentSize, History, Slot.
//
// A Directory holds segments named and filled as pg_receivewal does: complete
// ones, the one being received as .partial, padded with zeros, and a .history
// file for each timeline after the first. An Archiver joins the two: it finds
// out where to go on, follows the primary from node to node and from timeline to
// timeline, and connects again when a connection breaks.
//
// Caveats. A Conn and a Directory belong to one goroutine. A segment that was
// begun is received again from its first byte after each connect. The apply
// position is never reported, so that synchronous_commit = remote_apply waits
// for ever if only an Archiver is in synchronous_standby_names. Segments of a
// timeline that lost a failover stay in the directory beyond the switch point; a
// standby that restores from there never asks for them.
package walreceiver
