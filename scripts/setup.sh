#!/usr/bin/env bash
# Installs what building and testing pgherd needs, but for Go and make:
# PostgreSQL 13 to 18 (server, client, pgbench), Python's two drivers for it, ssh
# and its server, and a C compiler. Silent when nothing is missing. "setup.sh
# compiler" looks only after the compiler, which is all that building needs.
set -euo pipefail

missing=()

have_server() {
	local dir
	for dir in /usr/lib/postgresql/1[3-8]/bin /usr/pgsql-1[3-8]/bin "$(pg_config --bindir 2>/dev/null || true)"; do
		[ -n "$dir" ] && [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && [ -x "$dir/pgbench" ] && return 0
	done
	return 1
}

# A compiler without the C library's headers cannot build anything.
have_compiler() {
	echo '#include <stdlib.h>' | ${CC:-gcc} -E -x c -o /dev/null - 2>/dev/null
}

if [ "${1-}" != compiler ]; then
	have_server || missing+=(postgresql) # its versions since 10 have contrib and pgbench in it
	command -v psql >/dev/null || missing+=(postgresql-client)
	# Tests start an sshd of their own, on 127.0.0.1.
	[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
	command -v ssh >/dev/null || missing+=(openssh-client)
	# Drivers that the tests of clients run: psycopg2 and psycopg 3.
	/usr/bin/python3 -c 'import psycopg2' 2>/dev/null || missing+=(python3-psycopg2)
	/usr/bin/python3 -c 'import psycopg' 2>/dev/null || missing+=(python3-psycopg)
fi
have_compiler || missing+=(gcc libc6-dev)

[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "setup: install PostgreSQL 13 to 18 (server, contrib with pgbench, client), OpenSSH's client and server, a C compiler and the C library's headers." >&2
	echo "setup: on Debian these are: ${missing[*]}" >&2
	exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup: as root, run: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

echo "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}
case " ${missing[*]} " in
*" openssh-server "*)
	# A server that nobody has asked for shall not listen. systemctl unmask ssh ends that.
	command -v systemctl >/dev/null && "${as_root[@]}" systemctl mask ssh.service ssh.socket >>"$log" 2>&1 || true
	;;
esac
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
	tail -20 "$log" >&2
	echo "setup: apt-get failed; install ${missing[*]} yourself and try again" >&2
	exit 1
fi
if [ "${1-}" != compiler ] && ! have_server; then
	echo "setup: apt-get brought no PostgreSQL 13 to 18 with pgbench" >&2
	exit 1
fi
