package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// registers are the keys, each one by itself: a history is linearizable when it is
// for every key alone (Herlihy and Wing, 1990).
func registers() porcupine.Model {
	return porcupine.Model{
		Init:      func() any { return int64(0) },
		Partition: byKey,
		Step: func(state, input, output any) (bool, any) {
			if o := input.(Op); o.Kind == Write {
				return true, o.Version
			}
			return output.(int64) == state.(int64), state
		},
	}
}

func byKey(all []porcupine.Operation) [][]porcupine.Operation {
	keys := map[int][]porcupine.Operation{}
	for _, o := range all {
		key := o.Input.(Op).Key
		keys[key] = append(keys[key], o)
	}
	parts := make([][]porcupine.Operation, 0, len(keys))
	for _, part := range keys {
		parts = append(parts, part)
	}
	return parts
}

// Linearizable reports whether every read returned what was the newest version at
// some moment between its call and its return. known is false when that could not
// be found out within limit.
func Linearizable(ops []Op, limit time.Duration) (yes, known bool) {
	list := make([]porcupine.Operation, 0, len(ops))
	for _, o := range ops {
		list = append(list, porcupine.Operation{ClientId: o.Client, Input: o, Output: o.Version,
			Call: int64(o.Call), Return: int64(o.Return)})
	}
	switch porcupine.CheckOperationsTimeout(registers(), list, limit) {
	case porcupine.Ok:
		return true, true
	case porcupine.Illegal:
		return false, true
	}
	return false, false
}

// SeenBy is all writes, and the reads of one client: what that one can know.
func SeenBy(ops []Op, client int) []Op {
	var seen []Op
	for _, o := range ops {
		if o.Kind == Write || o.Client == client {
			seen = append(seen, o)
		}
	}
	return seen
}

// Stale returns the reads of a version older than a write that had been
// acknowledged, to anybody, before they were asked for.
func Stale(ops []Op) []Violation {
	var acknowledged, asked []Op
	for _, o := range ops {
		if o.Kind == Write {
			acknowledged = append(acknowledged, o)
		} else {
			asked = append(asked, o)
		}
	}
	slices.SortFunc(acknowledged, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	slices.SortFunc(asked, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	known, next := map[int]int64{}, 0
	var found []Violation
	for _, o := range asked {
		for ; next < len(acknowledged) && acknowledged[next].Return < o.Call; next++ {
			known[acknowledged[next].Key] = max(known[acknowledged[next].Key], acknowledged[next].Version)
		}
		if o.Version < known[o.Key] {
			found = append(found, Violation{Freshness, o, known[o.Key]})
		}
	}
	return found
}
