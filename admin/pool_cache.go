package admin

import "context"

// poolCache has the 9 columns of Pgpool-II 4.7. There is no query cache, and so
// no row, as when memory_cache_enabled is off.
func poolCache() view {
	return view{name: "pool_cache", help: "no rows: pgherd has no query cache", audience: privilegeNone, style: pgpoolStyle,
		columns: columns("num_cache_hits:q num_selects:q cache_hit_ratio:n num_hash_entries:q used_hash_entries:q " +
			"num_cache_entries:q used_cache_entries_size:q free_cache_entries_size:q fragment_cache_entries_size:q"),
		rows: func(context.Context) ([][]any, error) { return nil, nil }}
}
