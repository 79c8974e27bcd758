#!/usr/bin/env bash
# Puts the extension pgherd_recovery where CREATE EXTENSION finds it: below the
# share directory of every PostgreSQL 13 to 18 that is installed. DESTDIR is put in
# front.
set -euo pipefail
cd "$(dirname "$0")/../sql/extension"

places() {
	local config
	for config in /usr/lib/postgresql/1[3-8]/bin/pg_config /usr/pgsql-1[3-8]/bin/pg_config "$(command -v pg_config || true)"; do
		[ -x "$config" ] && "$config" --sharedir
	done
	ls -d /usr/share/postgresql/1[3-8] /usr/pgsql-1[3-8]/share 2>/dev/null || true # servers without pg_config
}

found=no
while read -r share; do
	[ -d "$share/extension" ] || continue
	install -d "${DESTDIR-}$share/extension"
	install -m 644 ./* "${DESTDIR-}$share/extension/"
	echo "installed the extension pgherd_recovery in ${DESTDIR-}$share/extension"
	found=yes
done < <(places | sort -u)
[ "$found" = yes ] || echo "no PostgreSQL server here: the extension pgherd_recovery is not installed" >&2
