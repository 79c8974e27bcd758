#!/usr/bin/env bash
# Gets the source of the PostgreSQL that is installed from Debian or Ubuntu and runs
# the tests that compare sqlparse with PostgreSQL over its regression suite:
# scripts/corpus.sh [directory to work in].
set -euo pipefail
dir=$(realpath -m "${1:-${TMPDIR:-/tmp}/pgherd-corpus}")
here=$(cd "$(dirname "$0")/.." && pwd)
version=$(for server in /usr/lib/postgresql/1[3-8]/bin/postgres; do echo "$server"; done | tail -1 | cut -d/ -f5)

# apt with the machine's own sources, asked for source packages, and lists of its own.
mkdir -p "$dir/sources" "$dir/lists/partial"
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
	[ -f "$list" ] && sed -E 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$list" >"$dir/sources/$(basename "$list")"
done
apt() {
	apt-get -q -o APT::Sandbox::User=root -o Dir::Etc::SourceList=- -o Dir::Etc::SourceParts="$dir/sources" -o Dir::State::Lists="$dir/lists" "$@"
}
if ! ls "$dir"/postgresql-*.orig.tar.* >/dev/null 2>&1; then
	apt update
	(cd "$dir" && apt source --download-only "postgresql-$version")
fi
mkdir -p "$dir/source" "$dir/sql"
tar -xf "$dir"/postgresql-*.orig.tar.* -C "$dir/source" --strip-components 1
chmod -R a+rX "$dir"

# psql's variables that name files of data; the order of the schedule.
suite=$dir/source/src/test/regress
number=1000
add() {
	number=$((number + 1))
	awk -v suite="$suite" '
		/^\\set filename :abs_srcdir/ { gsub(/\047/, "", $4); file = suite $4; next }
		{ sub(/:\047filename\047/, "\047" file "\047"); print }' "$1" >"$dir/sql/$number-$(basename "$1")"
}
for test in $(sed -n 's/^test: //p' "$suite/parallel_schedule"); do
	[ -f "$suite/sql/$test.sql" ] && add "$suite/sql/$test.sql"
done
for file in "$dir"/source/src/pl/plpgsql/src/sql/*.sql "$dir"/source/contrib/*/sql/*.sql; do
	add "$file"
done
cd "$here"
PGHERD_CORPUS=$dir/sql go test -count 1 -v -run 'Corpus|ReadsDoNotWrite' ./sqlparse ./internal/corpus
