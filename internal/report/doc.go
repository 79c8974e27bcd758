// Package report is what the rooms on the data path tell of themselves to those
// who ask: plain values, copied at one moment. It has no behaviour.
package report
