#!/usr/bin/env bash
# Runs the tests that make random choices with new seeds, again and again, and stops at
# the first failure: scripts/explore.sh [for how long, default 1m]. Its output names
# each test's seed; PGHERD_SEED=<seed> go test -run <test> makes the same choices.
set -euo pipefail
random='Random|^TestStorm$|NeverStale|AnyOrder|SessionsAreFollowed|SessionModeIsDirect|Churn|Consistency|Chaos'
rooms=(routing failover internal/reactor server cmd/pgherd)

dir=$(mktemp -d)
sleep "${1:-1m}" &
clock=$!
trap 'kill $clock 2>/dev/null || true; rm -rf "$dir"' EXIT
for room in "${rooms[@]}"; do
	go test -c -o "$dir/${room//\//-}.test" "./$room"
done

# explore ROOM PATTERN
explore() {
	if ! (cd "$1" && PGHERD_SEED=random "$dir/${1//\//-}.test" -test.timeout 1h -test.run "$2") >"$dir/log" 2>&1; then
		cat "$dir/log"
		echo "explore: $1 has failed in round $round; the seeds:"
		grep PGHERD_SEED= "$dir/log"
		exit 1
	fi
}

for ((round = 1; ; round++)); do
	for room in "${rooms[@]}"; do
		[ "$room" = internal/reactor ] && tests=. || tests=$random # there, loops are restless in all
		explore "$room" "$tests"
	done
	echo "explore: round $round was good"
	kill -0 $clock 2>/dev/null || break
done
