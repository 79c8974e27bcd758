-- The functions of Pgpool-II's extension pgpool_recovery 1.4, without C. Where there
-- is no CREATE EXTENSION, run this file as it is: psql --single-transaction -f.
--
-- They run commands of the operating system as the owner of the server, so they are
-- locked down. Only superusers may call them, and whom they grant EXECUTE. Only files
-- that lie directly in the data directory are run. Each argument reaches the script
-- as one word, whatever is in it. Nothing that a caller can set has a say in it: not
-- the search_path, nor standard_conforming_strings, nor pgpool.pg_ctl in a session.

CREATE SCHEMA pgherd_recovery;

-- Words for a shell, each in single quotes. chr(39) is ' and chr(92) is \: literals
-- would depend on standard_conforming_strings.
CREATE FUNCTION pgherd_recovery.shell_words(VARIADIC words text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(chr(39) || replace(word, chr(39), chr(39) || chr(92) || chr(39) || chr(39)) || chr(39), ' ' ORDER BY n)
      FROM unnest(words) WITH ORDINALITY AS w (word, n)
$$;

-- COPY TO needs no table, so none that a caller has laid out. It sends no rows.
CREATE FUNCTION pgherd_recovery.run(command text) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('COPY (SELECT 1 WHERE false) TO PROGRAM %L', command);
END
$$;

-- The shell belongs to the backend's process group, which a stop ends by a signal: that may
-- come before the shell has gone, and is no failure of what it has begun. The command has
-- a session, and so a group, of its own.
CREATE FUNCTION pgherd_recovery.in_background(command text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'trap : INT TERM QUIT; setsid ' || command || ' </dev/null >/dev/null 2>&1 &'
$$;

-- Runs a file of the data directory. What it prints goes to the server's log.
CREATE FUNCTION pgherd_recovery.run_script(caller text, script text, VARIADIC arguments text[]) RETURNS boolean
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    file text := current_setting('data_directory') || '/' || script;
    reason text;
BEGIN
    IF script IN ('', '.', '..') OR strpos(script, '/') > 0 THEN
        RAISE EXCEPTION '% failed', caller USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('"%s" is not the name of a file in the data directory.', script),
            HINT = 'Put the script into the data directory, and give its name without a path.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_stat_file(file, true) AS f WHERE NOT f.isdir) THEN
        RAISE EXCEPTION '% failed', caller USING ERRCODE = 'undefined_file',
            DETAIL = format('There is no file "%s".', file),
            HINT = 'Put the script into the data directory of this server, executable for its owner.';
    END IF;
    BEGIN
        PERFORM pgherd_recovery.run(pgherd_recovery.shell_words(VARIADIC file || arguments) || ' </dev/null');
    EXCEPTION WHEN external_routine_exception THEN
        GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
        RAISE EXCEPTION '% failed', caller USING ERRCODE = 'external_routine_exception',
            DETAIL = format('%s: %s', file, reason),
            HINT = 'What the script printed is in the log of this server.';
    END;
    RETURN true;
END
$$;

CREATE FUNCTION pgpool_recovery(script_name text, remote_host text, remote_data_directory text) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pgherd_recovery.run_script('pgpool_recovery', script_name, current_setting('data_directory'),
                                      remote_host, remote_data_directory)
$$;

CREATE FUNCTION pgpool_recovery(script_name text, remote_host text, remote_data_directory text, primary_port text) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pgherd_recovery.run_script('pgpool_recovery', script_name, current_setting('data_directory'),
                                      remote_host, remote_data_directory, primary_port)
$$;

CREATE FUNCTION pgpool_recovery(script_name text, remote_host text, remote_data_directory text, primary_port text,
                                remote_node integer) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pgherd_recovery.run_script('pgpool_recovery', script_name, current_setting('data_directory'),
                                      remote_host, remote_data_directory, primary_port, remote_node::text)
$$;

CREATE FUNCTION pgpool_recovery(script_name text, remote_host text, remote_data_directory text, primary_port text,
                                remote_node integer, remote_port text) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pgherd_recovery.run_script('pgpool_recovery', script_name, current_setting('data_directory'),
                                      remote_host, remote_data_directory, primary_port, remote_node::text, remote_port)
$$;

CREATE FUNCTION pgpool_recovery(script_name text, remote_host text, remote_data_directory text, primary_port text,
                                remote_node integer, remote_port text, primary_host text) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pgherd_recovery.run_script('pgpool_recovery', script_name, current_setting('data_directory'),
                                      remote_host, remote_data_directory, primary_port, remote_node::text, remote_port, primary_host)
$$;

CREATE FUNCTION pgpool_remote_start(remote_host text, remote_data_directory text) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pgherd_recovery.run_script('pgpool_remote_start', 'pgpool_remote_start', remote_host, remote_data_directory)
$$;

-- pg_ctl on this server, in the background: true says that it was begun. The program
-- is pgpool.pg_ctl of the configuration files, else that of the server's version. In a
-- session of its own it outlives the backend that a stop ends.
CREATE FUNCTION pgpool_pgctl(action text, stop_mode text) RETURNS boolean
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    program text := coalesce(
        (SELECT f.setting FROM pg_file_settings AS f WHERE lower(f.name) = 'pgpool.pg_ctl' ORDER BY f.seqno DESC LIMIT 1),
        (SELECT c.setting || '/pg_ctl' FROM pg_config AS c WHERE c.name = 'BINDIR'));
    words text[] := ARRAY[program, action, '-D', current_setting('data_directory')];
BEGIN
    IF action NOT IN ('start', 'stop', 'restart', 'reload', 'promote') THEN
        RAISE EXCEPTION 'pgpool_pgctl failed' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('"%s" is not an action.', action), HINT = 'It can be start, stop, restart, reload or promote.';
    END IF;
    IF stop_mode NOT IN ('', 'smart', 'fast', 'immediate') THEN
        RAISE EXCEPTION 'pgpool_pgctl failed' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('"%s" is not a stop mode.', stop_mode), HINT = 'It can be smart, fast, immediate or empty.';
    END IF;
    IF stop_mode <> '' THEN
        words := words || ARRAY['-m', stop_mode];
    END IF;
    PERFORM pgherd_recovery.run(pgherd_recovery.in_background(pgherd_recovery.shell_words(VARIADIC words)));
    RETURN true;
END
$$;

-- Begins a new file of the log, waits until the old one is in the archive, and tells
-- where.
CREATE FUNCTION pgpool_switch_xlog(archive_dir text) RETURNS text
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    file text;
    size bigint;
BEGIN
    PERFORM pg_stat_file(archive_dir); -- its error says what is wrong
    file := archive_dir || '/' || pg_walfile_name(pg_switch_wal());
    LOOP
        size := (SELECT f.size FROM pg_stat_file(file, true) AS f);
        EXIT WHEN size > 0 AND size % (1024 * 1024) = 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
    RETURN file;
END
$$;

REVOKE ALL ON SCHEMA pgherd_recovery FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgherd_recovery FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_recovery(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_recovery(text, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_recovery(text, text, text, text, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_recovery(text, text, text, text, integer, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_recovery(text, text, text, text, integer, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_remote_start(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_pgctl(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pgpool_switch_xlog(text) FROM PUBLIC;
