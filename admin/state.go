package admin

import (
	"context"
	"runtime/metrics"
)

// state has PgBouncer 1.25's rows.
func state(d Deps) view {
	return view{name: "state", help: "whether pgherd is active", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("key:s value:s"),
		rows: func(context.Context) ([][]any, error) {
			all := d.Gates.Gate("")
			paused, suspended := all.Paused, all.Suspended
			return [][]any{{"active", yesNo(!paused && !suspended)}, {"paused", yesNo(paused)}, {"suspended", yesNo(suspended)}}, nil
		}}
}

// mem has PgBouncer 1.25's columns; rows are the classes of memory that Go tells
// of. size is 1: it counts bytes.
func mem() view {
	return view{name: "mem", help: "memory in use, in bytes", audience: privilegeLook, style: pgbouncerStyle,
		columns: columns("name:s size:q used:q free:q memtotal:q"),
		rows: func(context.Context) ([][]any, error) {
			samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
				{Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/total:bytes"}}
			metrics.Read(samples)
			objects, free, stacks, total := samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()
			return [][]any{{"heap", 1, objects, free, objects + free}, {"stacks", 1, stacks, 0, stacks}, {"process", 1, total, 0, total}}, nil
		}}
}
