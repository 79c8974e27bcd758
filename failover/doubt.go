package failover

import (
	"slices"
	"time"
)

// doubt is what a standby may have shown and the primary may not: transactions that
// were running on the primary at a look that began after the standby's answer. A
// commit that the standby has shown is in the log by then, so it is among them or
// visible. It is a plain value; the zero doubt is none.
type doubt struct {
	began time.Time // the first look
	xids  []int64
	looks int  // at the primary
	asked bool // the standby, which of xids it has finished
}

// look takes in that these transactions were running on the primary, at a look that
// began then. until is the moment before which all that the standby had shown is
// covered; zero when there is none yet.
func (d doubt) look(began time.Time, running []int64) (next doubt, until time.Time) {
	d.looks++
	d.xids = slices.DeleteFunc(slices.Clone(d.xids), func(x int64) bool { return !slices.Contains(running, x) })
	if until = d.settled(); until.IsZero() && !d.began.IsZero() {
		return d, until
	}
	d = doubt{began: began, xids: running, looks: 1}
	if len(running) == 0 {
		return doubt{}, began
	}
	return d, until
}

// settled is until when all is covered; zero while something is in doubt.
func (d doubt) settled() time.Time {
	if len(d.xids) > 0 {
		return time.Time{}
	}
	return d.began
}

// due reports whether the standby should be asked: most transactions are gone at the
// second look, those that aren't may take their time.
func (d doubt) due() bool { return d.looks >= 2 && !d.asked && len(d.xids) > 0 }

// answered takes in which of the transactions the standby shows.
func (d doubt) answered(finished []int64) (next doubt, until time.Time) {
	d.xids, d.asked = finished, true
	if until = d.settled(); !until.IsZero() {
		d = doubt{}
	}
	return d, until
}

// wide adds to 32 bits of a transaction id the rest, from another one that is less
// than 2^31 away.
func wide(xid, near int64) int64 { return near + int64(int32(uint32(xid)-uint32(near))) }
