#!/usr/bin/env bash
# Runs every fuzz target for a while: scripts/fuzz.sh [time of each, default 10s].
set -euo pipefail
time=${1:-10s}

grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file line; do
	target=${line#func }
	echo "fuzz: $(dirname "$file") $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$(dirname "$file")" </dev/null
done
