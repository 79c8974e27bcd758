package admin

import "context"

func showPoolVersion(version string) command {
	return command{
		words:     []string{"SHOW", "POOL_VERSION"},
		help:      "the version of pgherd",
		privilege: privilegeLook,
		columns:   []string{"pool_version"},
		parse: nothingMore(func(context.Context, func(string)) ([][]string, error) {
			return [][]string{{version}}, nil
		}),
	}
}
