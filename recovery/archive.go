package recovery

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// Archive is what pgherd receivewal has kept of the log, as the node sees it.
type Archive struct {
	Files map[string]bool // complete segments, and histories of timelines; nil without an archive
	Error string          // why it cannot be used, "" for nothing
}

// readArchive lists dir. One of the files is tried: the server, whose owner may not be
// the archive's, is to read them.
func readArchive(ctx context.Context, m host.Machine, dir string) (a Archive) {
	if dir == "" {
		return a
	}
	entries, err := m.ReadDir(dir)
	a.Files = map[string]bool{}
	for _, e := range entries {
		a.Files[e.Name()] = true
	}
	if len(entries) > 0 {
		oldest := filepath.Join(dir, entries[0].Name())
		_, err = m.Run(ctx, host.Command{Path: "test", Args: []string{"-r", oldest}})
	}
	if err != nil {
		return Archive{Error: fmt.Sprintf("the archive %s cannot be read by the owner of the data directory: %v", dir, err)}
	}
	return a
}

// lacksLog reports whether the primary has removed what the node needs next.
func lacksLog(s *Source, l *Log) bool {
	return l.End-l.End%cluster.LSN(l.Segment) < s.OldestLog
}

// missing is the first file that the archive lacks, of the segments from the node's last
// one up to where the primary's log begins; "" when it has all of them. Without the
// history the node would replay what the archive has of a timeline beyond its end.
func (a Archive) missing(s *Source, l *Log) string {
	if history := fmt.Sprintf("%08X.history", uint32(s.Timeline)); s.Timeline != l.Timeline && !a.Files[history] {
		return history
	}
	for n := uint64(l.End) / l.Segment; n < uint64(s.OldestLog)/l.Segment; n++ {
		if name := segmentName(s, n, l.Segment); !a.Files[name] {
			return name
		}
	}
	return ""
}

// segmentName is the file that a standby on its way to the source's timeline wants for
// segment n: that of the newest timeline that has something in it.
func segmentName(s *Source, n, size uint64) string {
	timeline := s.Timeline
	for i := len(s.History) - 1; i >= 0 && n < uint64(s.History[i].Switch)/size; i-- {
		timeline = s.History[i].Timeline
	}
	perFile := uint64(1<<32) / size
	return fmt.Sprintf("%08X%08X%08X", uint32(timeline), n/perFile, n%perFile)
}

// archiveReason completes why a node that lacks log is rebuilt.
func archiveReason(s *Source, t *Target) string {
	switch {
	case t.Archive.Error != "":
		return "; " + t.Archive.Error
	case t.Archive.Files == nil:
		return ""
	}
	return "; the archive lacks " + t.Archive.missing(s, t.Log)
}

// restoreCommand copies a segment from the archive. The server replaces %f and %p; a
// shell runs it.
func restoreCommand(dir string) string {
	quoted := "'" + strings.NewReplacer("'", `'\''`, "%", "%%").Replace(filepath.Clean(dir)) + "'"
	return "cp " + quoted + `/%f "%p"`
}

// useArchive has the node fetch the log that it lacks.
func (r *repair) useArchive() error {
	if r.procedure != Follow || !lacksLog(r.facts.Source, r.facts.Target.Log) {
		return nil
	}
	return r.instance.Configure(map[string]string{"restore_command": restoreCommand(r.engine.cfg.ArchiveDir)})
}

// lendArchive has a rewind fetch the node's own log from before the fork, which the node
// may have removed since. The node's configuration comes back behind the rewind.
func (r *repair) lendArchive() (restore bool, err error) {
	if r.facts.Target.Archive.Files == nil {
		return false, nil
	}
	return true, r.instance.Configure(map[string]string{"restore_command": restoreCommand(r.engine.cfg.ArchiveDir)})
}

// leaveArchive takes restore_command back when the node streams: after a failover the
// archive may have log, of the timeline that was left, which no primary has.
func (r *repair) leaveArchive(ctx context.Context) {
	if r.engine.cfg.ArchiveDir == "" {
		return
	}
	err := r.engine.with(ctx, r.node, func(conn *pgx.Conn) error {
		var now string
		err := conn.QueryRow(ctx, "SELECT current_setting('restore_command')").Scan(&now)
		if err != nil || now != restoreCommand(r.engine.cfg.ArchiveDir) {
			return err
		}
		if _, err := conn.Exec(ctx, "ALTER SYSTEM RESET restore_command"); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "SELECT pg_reload_conf()")
		return err
	})
	if err != nil {
		r.warn(fmt.Sprintf("restore_command could not be taken back, run ALTER SYSTEM RESET restore_command on the node: %v", err))
	}
}
