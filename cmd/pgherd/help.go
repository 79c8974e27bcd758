package main

// What pgherd help COMMAND prints below the usage.
const (
	serveHelp = `Reads the configuration, connects to the nodes and serves clients until SIGTERM or
SIGINT: then sessions end as they fall idle; a second signal ends at once. SIGHUP
reads the configuration again.

  pgherd serve
  pgherd serve --config /etc/pgherd/pgherd.yaml --log-format json
  pgherd serve --cpu-profile cpu.pprof`

	checkHelp = `Names every mistake in the file. With --connect it also logs in to every node and
reports its version, role, position and lag, and whether they are one cluster.

  pgherd check
  pgherd check --config pgherd.yaml --connect`

	demoHelp = `Creates a primary and its streaming standbys in DIR (/tmp/pgherd-demo) and serves
them on 127.0.0.1; on an existing directory it starts them again as they were.
Ctrl-C stops it, SIGHUP reads DIR/pgherd.yaml again.

  pgherd demo
  pgherd demo --dir /tmp/two --port 9998 --nodes 2
  pgherd demo --detach
  pgherd demo --stop`

	receivewalHelp = `Receives the log from the primary of the configuration, wherever a failover puts it,
and writes the files that pg_receivewal would write into DIR; on an existing directory
it continues where that ends. With --slot no log is missed while it is away. With
--synchronous it may be named in synchronous_standby_names, by --name.

  pgherd receivewal --dir /var/lib/pgherd/wal --slot pgherd_receivewal
  pgherd receivewal --config pgherd.yaml --dir wal --synchronous --name witness
  pgherd receivewal --dir wal --endpos 0/3000000`

	roleHelp = `Run the script with psql, as a superuser, on the primary, in the database that
monitor.database names. It creates the role of monitor.user, with no more rights than
pgherd uses; with -v failover=off, only those to pool, to route and to watch.

  pgherd role | psql -d postgres
  pgherd role | psql -d postgres -v role=watcher -v failover=off`

	viewsHelp = `Run the script with psql, as a superuser. It creates a schema pgherd with every view
of the console, through dblink, so that dashboards can join them with pg_stat_activity
and the like. Its first lines name its variables.

  pgherd views | psql -d shop -v host=127.0.0.1 -v port=9999 -v user=stats -v grantee=grafana`

	versionHelp = `The same as SHOW POOL_VERSION in the console.

  pgherd version`
)
