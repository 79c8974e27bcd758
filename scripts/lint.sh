#!/usr/bin/env bash
# staticcheck in a pinned version, fetched and built by go run. Only where it
# cannot be fetched is it left out, with a line that says so.
set -euo pipefail
tool=honnef.co/go/tools/cmd/staticcheck@v0.7.0

if ! why=$(go run "$tool" -version 2>&1); then
	echo "lint: NOT RUN, $tool cannot be fetched and built: $(tail -1 <<<"$why")" >&2
	exit 0
fi
exec go run "$tool" ./...
