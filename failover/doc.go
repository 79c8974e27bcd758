// Package failover decides which node is the primary and makes it so: health
// checks, log positions, planned switchover, automatic failover, re-pointing
// of standbys, attach and detach.
//
// The Engine is what others see. Its Run owns every goroutine: for each node a
// monitor (is it there, what does it say of itself) and a poller (how far is
// its log); one coverage (does the primary show all that standbys do); and one
// loop that alone holds the State. The loop feeds Events to
// Step, which is pure: the same state, event and time give the same new state
// and the same Actions. Slow actions run on goroutines of their own and come
// back as Done events. So every decision can be read in step*.go and tried in
// testdata/*.txt without a server.
//
// An Operation is a switchover, a failover or the resumption of one after a
// restart. Its phases are journalled to the cluster.Store before what cannot be
// undone. The turning point is the phase epoch: before it an operation can be
// aborted and the old primary goes on; after it there is only forward.
//
// Caveats:
//
//   - PostgreSQL 13 or newer: standbys are re-pointed by ALTER SYSTEM and
//     reload, or on their machines where the monitor's role may not (rights.go,
//     runner_denied.go). A standby keeps its own replication account and libpq
//     parameters; one without primary_conninfo gets the monitor's.
//   - While receivers are stopped in a failover, the standbys' primary_conninfo
//     is empty. The store remembers whose, so that they follow again whatever
//     happens meanwhile, but not what it was: if pgherd is killed in that moment,
//     they get the monitor's credentials afterwards.
//   - A primary that hangs, with its connections open, is given up after the time
//     that HealthCheck tells, then killed where access is local, and only then
//     replaced. A server in an uninterruptible wait does not die by SIGKILL:
//     then there is no failover.
//   - A primary whose machine cannot be reached by commands (access none) is not
//     fenced. It is not used any more, but clients that go around pgherd may
//     still write to it. A switchover makes it read-only by default and ends its
//     sessions: what pgherd's clients were promised is on the new primary, but
//     who asks for a read-write transaction there gets one.
//   - A silent primary counts as alive while a standby has received something
//     from it after the first failed probe had ended. An idle one sends nothing for up to half of
//     wal_sender_timeout.
//   - With synchronous replication, a failover needs answers of so many standbys
//     that every commit that waited is on one of them (State.Sync). What was
//     committed with synchronous_commit below on, or whose wait was cancelled,
//     may be lost.
//   - Backends may outlive a killed postmaster by moments. Sessions must not
//     use servers of a node that left service, whatever these still answer.
//   - restore_command is left alone while receivers are stopped: a standby may
//     still fetch log from an archive.
//   - Cascading standbys (that follow a standby) are not used, nor re-pointed to one;
//     after a failover all follow the primary.
package failover
