package cluster

import "time"

// Receiver is somebody who streams the primary's log and is no node: pgherd
// receivewal, pg_receivewal, a base backup (a row of pg_stat_replication).
type Receiver struct {
	Name      string // application_name
	State     string
	SyncState string
	Written   LSN
	Flushed   LSN // of what does not say so (a base backup): 0
}

// Receivers are those that the primary had at a time.
type Receivers struct {
	Primary NodeID
	Asked   time.Time // before they were asked for
	End     LSN       // of the primary's log at that time
	List    []Receiver
}

// SetReceivers replaces what Receivers returns; the watchers are not told.
func (b *Board) SetReceivers(r Receivers) { b.receivers.Store(&r) }

// Receivers is what the primary said last.
func (b *Board) Receivers() Receivers {
	if r := b.receivers.Load(); r != nil {
		return *r
	}
	return Receivers{Primary: NoNode}
}
