"""The servers that compare.py measures: all of them throw-away, on free ports of 127.0.0.1."""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
USER, PASSWORD = "bench", "bench"


class Peer:
    """A process that listens on a port."""

    def __init__(self, port, pid):
        self.port, self.pid = port, pid

    def cpu(self):
        """Seconds of CPU time so far, that of its children included."""
        spent = sum(stat(self.pid)[11:15])  # utime, stime, and those of children that have ended
        return (spent + sum(sum(s[11:13]) for s in children(self.pid))) / TICKS

    def memory(self):
        """Bytes that are its own (proportional set size)."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss: +(\d+)", text, re.M)[1]) * 1024


def stat(pid):
    """The fields of /proc/PID/stat behind the command's name, as numbers where they are."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [int(f) if f.lstrip("-").isdigit() else f for f in fields]


def children(pid):
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (s := stat(entry.name))[1] == pid:
                yield s


def start_postgres(stack, base, standbys):
    """A primary and its streaming standbys."""
    os.mkdir(f"{base}/pg")
    own(f"{base}/pg", "postgres")
    bindir = newest_postgres()
    primary = Peer(free_port(), 0)
    make_primary(bindir, base)
    start_node(stack, bindir, base, 0, primary.port)
    run(["psql", *address(primary), "-d", "postgres", "-qc", "create database bench"])
    run(pgbench(primary, "-i", "-q", "-s", "10"))
    nodes = [primary]
    for i in range(1, standbys + 1):
        as_postgres([f"{bindir}/pg_basebackup", *address(primary), "-D", f"{base}/pg/data{i}", "-R", "-c", "fast"])
        nodes.append(Peer(free_port(), 0))
        start_node(stack, bindir, base, i, nodes[i].port)
    return nodes


def make_primary(bindir, base):
    pathlib.Path(base, "password").write_text(PASSWORD)
    as_postgres([f"{bindir}/initdb", "-D", f"{base}/pg/data0", "-U", USER, f"--pwfile={base}/password", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N"])


def start_node(stack, bindir, base, i, port):
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c max_connections=300 -c shared_buffers=256MB -c fsync=off"
    stack.callback(as_postgres, [f"{bindir}/pg_ctl", "-D", f"{base}/pg/data{i}", "-m", "immediate", "-w", "stop"])
    as_postgres([f"{bindir}/pg_ctl", "-D", f"{base}/pg/data{i}", "-l", f"{base}/pg/log{i}", "-o", options, "-w", "start"])


def newest_postgres():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        sys.exit("PostgreSQL is missing: scripts/setup.sh installs it")
    return str(found[-1].parent)


def start_pgbouncer(stack, base, nodes, tls):
    program = installed("pgbouncer", "apt-get install pgbouncer")
    port = free_port()
    mode = "session" if old_pgbouncer(program) else "transaction"
    encryption = f"""client_tls_sslmode = require
client_tls_cert_file = {base}/tls.crt
client_tls_key_file = {base}/tls.key
"""
    hand_over(base, "userlist.txt", f'"{USER}" "{PASSWORD}"\n')
    hand_over(base, "pgbouncer.log", "")
    hand_over(base, "pgbouncer.ini", f"""[databases]
bench = host=127.0.0.1 port={nodes[0].port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {base}/userlist.txt
pool_mode = {mode}
default_pool_size = 70
max_client_conn = 10000
logfile = {base}/pgbouncer.log
ignore_startup_parameters = extra_float_digits
{encryption if tls else ""}""")
    return spawn(stack, unprivileged([program, "-q", f"{base}/pgbouncer.ini"]), port)


def old_pgbouncer(program):
    """Before 1.21 prepared statements need session mode."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    major, minor = map(int, re.search(r"PgBouncer (\d+)\.(\d+)", text).groups())
    return (major, minor) < (1, 21)


def start_pgpool(stack, base, nodes, tls):
    program = installed("pgpool", "apt-get install pgpool2")
    port = free_port()
    backends = "".join(f"backend_hostname{i} = '127.0.0.1'\nbackend_port{i} = {n.port}\nbackend_weight{i} = 1\n" for i, n in enumerate(nodes))
    encryption = f"ssl = on\nssl_cert = '{base}/tls.crt'\nssl_key = '{base}/tls.key'\n"
    hand_over(base, "pcp.conf", "")
    hand_over(base, "pool_passwd", f"{USER}:TEXT{PASSWORD}\n")
    hand_over(base, "pool_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")
    hand_over(base, "pgpool.conf", f"""listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{base}/pg'
pcp_listen_addresses = ''
pcp_socket_dir = '{base}/pg'
backend_clustering_mode = 'streaming_replication'
{backends}enable_pool_hba = on
pool_passwd = 'pool_passwd'
num_init_children = 80
max_pool = 1
load_balance_mode = on
sr_check_user = '{USER}'
sr_check_password = '{PASSWORD}'
health_check_period = 0
memory_cache_enabled = off
pid_file_name = '{base}/pg/pgpool.pid'
logdir = '{base}/pg'
work_dir = '{base}/pg'
{encryption if tls else ""}""")
    command = [program, "-n", "-f", f"{base}/pgpool.conf", "-a", f"{base}/pool_hba.conf", "-F", f"{base}/pcp.conf"]
    return spawn(stack, unprivileged(command), port)


def start_pgherd(stack, base, nodes, tls, program):
    port = free_port()
    listed = "".join(f"  - {{host: 127.0.0.1, port: {n.port}}}\n" for n in nodes)
    encryption = f"tls: {{client: {{sslmode: require, cert_file: {base}/tls.crt, key_file: {base}/tls.key}}}}\n"
    hand_over(base, "users.txt", f'"{USER}" "{PASSWORD}"\n')
    pathlib.Path(base, "pgherd.yaml").write_text(f"""listen: ["127.0.0.1:{port}"]
nodes:
{listed}monitor: {{user: {USER}, password: {PASSWORD}, database: postgres}}
auth: {{type: scram-sha-256, users_file: users.txt}}
pool: {{mode: transaction, size: 70, max_clients: 10000}}
state_dir: {base}/state
console: {{database: pgpool, admin_users: [{USER}]}}
{encryption if tls else ""}""")
    return spawn(stack, [program, "serve", "--config", f"{base}/pgherd.yaml"], port)


def make_certificate(base):
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", f"{base}/tls.key", "-out", f"{base}/tls.crt"])
    for name in ("tls.key", "tls.crt"):
        own(f"{base}/{name}", "postgres")


def installed(name, remedy):
    program = shutil.which(name) or f"/usr/sbin/{name}"
    if not os.access(program, os.X_OK):
        sys.exit(f"{name} is missing: {remedy}")
    return program


def spawn(stack, command, port):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(stop, process)
    peer = Peer(port, process.pid)
    for _ in range(200):
        if subprocess.run(["psql", *address(peer), "-d", "bench", "-qAtc", "select 1"], env=environment(), capture_output=True).returncode == 0:
            return peer
        time.sleep(0.05)
    sys.exit(f"{command[0]} does not answer")


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def hand_over(base, name, text):
    pathlib.Path(base, name).write_text(text)
    own(f"{base}/{name}", "postgres")


def own(path, user):
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def unprivileged(command):
    """PostgreSQL, PgBouncer and Pgpool-II refuse to run as root."""
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    return command


def as_postgres(command):
    run(unprivileged(command))


def environment():
    """sslmode of every client: what the server offers."""
    return {**os.environ, "PGPASSWORD": PASSWORD, "PGSSLMODE": "prefer"}


def address(peer):
    return ["-h", "127.0.0.1", "-p", str(peer.port), "-U", USER]


def pgbench(peer, *options):
    return ["pgbench", *address(peer), *options, "bench"]


def run(command):
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
