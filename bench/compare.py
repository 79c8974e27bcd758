#!/usr/bin/env python3
"""pgherd beside PgBouncer, on a PostgreSQL of their own, in one run.

    bench/compare.py [--seconds 3] [--rounds 3] [--work NAMES] [--clients 1,16,64] [--idle 4000]

Starts a throw-away PostgreSQL, PgBouncer and pgherd (bin/pgherd, see make
build) on free ports of 127.0.0.1 with equal settings, and runs pgbench through
one after the other, round by round. For every workload and number of clients it
prints the medians: transactions/s, latency, CPU time of the pooler's process
for each transaction, and the ratio of transactions/s to PgBouncer's. Last come
the memory of idle clients and its price for each. Nothing is left behind.

Figures of different machines or runs can't be compared; the ratios can.
"""
import argparse
import base64
import contextlib
import hashlib
import hmac
import os
import pathlib
import pwd
import re
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
USER, PASSWORD = "bench", "bench"
WORK = {
    "select-simple": ["-S", "-M", "simple"],
    "select-extended": ["-S", "-M", "extended"],
    "select-prepared": ["-S", "-M", "prepared"],
    "tpcb-simple": ["-M", "simple"],
    "tpcb-prepared": ["-M", "prepared"],
    "big": ["-f", "{dir}/big.sql"],  # a reply of 2 MB
    "connect": ["-S", "-C"],  # a login for each transaction
}
BIG = "select repeat('x', 1000) from generate_series(1, 2000);\n"


def main():
    args = arguments()
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="pgherd-bench-"))
        os.chmod(base, 0o755)
        pathlib.Path(base, "big.sql").write_text(BIG)
        node = start_postgres(stack, base)
        peers = {"pgbouncer": start_pgbouncer(stack, base, node), "pgherd": start_pgherd(stack, base, node, args.pgherd)}
        run(pgbench(node, "-i", "-q", "-s", "10"))
        for work in args.work:
            for clients in args.clients:
                compare(base, peers, work, clients, args)
        if args.idle:
            for name, peer in peers.items():
                idle(name, peer, args.idle)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=int, default=3, help="of each measurement")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--work", type=lambda s: s.split(","), default=list(WORK), help=", ".join(WORK))
    p.add_argument("--clients", type=lambda s: [int(n) for n in s.split(",")], default=[1, 16, 64])
    p.add_argument("--idle", type=int, default=4000, help="idle clients; 0 leaves them out")
    p.add_argument("--pgherd", default=str(HERE.parent / "bin" / "pgherd"))
    args = p.parse_args()
    if unknown := set(args.work) - set(WORK):
        p.error(f"no such workload: {', '.join(unknown)}")
    if not os.access(args.pgherd, os.X_OK):
        p.error(f"{args.pgherd} is missing: run make build")
    return args


# Servers


class Peer:
    """A process that listens on a port."""

    def __init__(self, port, pid):
        self.port, self.pid = port, pid

    def cpu(self):
        """Seconds of CPU time so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self):
        """Bytes that are its own (proportional set size)."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss: +(\d+)", text, re.M)[1]) * 1024


def start_postgres(stack, base):
    data, port = f"{base}/pg/data", free_port()
    os.mkdir(f"{base}/pg")
    own(f"{base}/pg", "postgres")
    pathlib.Path(base, "password").write_text(PASSWORD)
    bindir = newest_postgres()
    as_postgres([f"{bindir}/initdb", "-D", data, "-U", USER, f"--pwfile={base}/password", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N"])
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c max_connections=200 -c shared_buffers=256MB -c fsync=off"
    stack.callback(as_postgres, [f"{bindir}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
    as_postgres([f"{bindir}/pg_ctl", "-D", data, "-l", f"{base}/pg/log", "-o", options, "-w", "start"])
    node = Peer(port, 0)
    run(["psql", *address(node), "-d", "postgres", "-qc", "create database bench"])
    return node


def newest_postgres():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        sys.exit("PostgreSQL is missing: scripts/setup.sh installs it")
    return str(found[-1].parent)


def start_pgbouncer(stack, base, node):
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.access(program, os.X_OK):
        sys.exit("PgBouncer is missing: apt-get install pgbouncer")
    port = free_port()
    pathlib.Path(base, "userlist.txt").write_text(f'"{USER}" "{PASSWORD}"\n')
    pathlib.Path(base, "pgbouncer.ini").write_text(f"""[databases]
bench = host=127.0.0.1 port={node.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {base}/userlist.txt
pool_mode = {{mode}}
default_pool_size = 70
max_client_conn = 10000
logfile = {base}/pgbouncer.log
ignore_startup_parameters = extra_float_digits
""".replace("{mode}", "session" if old_pgbouncer(program) else "transaction"))
    own(f"{base}/pgbouncer.ini", "postgres")
    own(f"{base}/userlist.txt", "postgres")
    pathlib.Path(base, "pgbouncer.log").touch()
    own(f"{base}/pgbouncer.log", "postgres")
    command = [program, "-q", f"{base}/pgbouncer.ini"]
    if os.geteuid() == 0:
        command[1:1] = ["-u", "postgres"]
    return spawn(stack, command, port)


def old_pgbouncer(program):
    """Before 1.21 prepared statements need session mode."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    major, minor = map(int, re.search(r"PgBouncer (\d+)\.(\d+)", text).groups())
    return (major, minor) < (1, 21)


def start_pgherd(stack, base, node, program):
    port = free_port()
    pathlib.Path(base, "pgherd.yaml").write_text(f"""listen: ["127.0.0.1:{port}"]
nodes:
  - {{host: 127.0.0.1, port: {node.port}}}
monitor: {{user: {USER}, password: {PASSWORD}, database: postgres}}
auth: {{type: scram-sha-256, users_file: userlist.txt}}
pool: {{mode: transaction, size: 70, max_clients: 10000}}
state_dir: {base}/state
console: {{database: pgpool, admin_users: [{USER}]}}
""")
    return spawn(stack, [program, "serve", "--config", f"{base}/pgherd.yaml"], port)


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


def own(path, user):
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def as_postgres(command):
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    run(command)


# Measurements


def environment():
    return {**os.environ, "PGPASSWORD": PASSWORD, "PGSSLMODE": "disable"}


def address(peer):
    return ["-h", "127.0.0.1", "-p", str(peer.port), "-U", USER]


def pgbench(peer, *options):
    return ["pgbench", *address(peer), *options, "bench"]


def run(command):
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def measure(base, peer, work, clients, seconds):
    """(transactions/s, latency in ms, microseconds of CPU time for each)"""
    options = [o.format(dir=base) for o in WORK[work]]
    before = peer.cpu()
    out = run(pgbench(peer, "-n", "-c", str(clients), "-T", str(seconds), *options))
    cpu = peer.cpu() - before
    tps, ms, n = (float(re.search(p, out)[1]) for p in (r"tps = ([\d.]+)", r"latency average = ([\d.]+)", r"actually processed: (\d+)"))
    return tps, ms, cpu * 1e6 / n


def compare(base, peers, work, clients, args):
    got = {name: [] for name in peers}
    for _ in range(args.rounds):
        for name, peer in peers.items():
            got[name].append(measure(base, peer, work, clients, args.seconds))
    print(f"\n{work}, {clients} clients")
    first = None
    for name, rounds in got.items():
        tps, ms, cpu = (statistics.median(x) for x in zip(*rounds))
        first = first or tps
        print(f"  {name:10} {tps:9.0f} tps {ms:9.3f} ms {cpu:8.1f} us cpu/tx   x{tps / first:.2f}", flush=True)


def idle(name, peer, clients):
    """Connects clients that do nothing but log in, and looks at the memory."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (clients + 1000, max(clients + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    before, began = peer.memory(), peer.cpu()
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            stack.callback(login(peer).close)
        time.sleep(1)
        used = peer.memory() - before
        print(f"\n{clients} idle clients: {name} needs {used / 2**20:.1f} MiB more, {used / clients / 1024:.2f} KiB each; "
              f"{(peer.cpu() - began) * 1e3 / clients:.2f} ms cpu for each login", flush=True)


def login(peer):
    """A client by hand, for no library keeps 4,000 cheaply: SCRAM, up to ReadyForQuery."""
    s = socket.create_connection(("127.0.0.1", peer.port))
    body = struct.pack("!I", 196608) + b"user\0bench\0database\0bench\0\0"
    s.sendall(struct.pack("!I", len(body) + 4) + body)
    nonce = base64.b64encode(os.urandom(18)).decode()
    bare = f"n=,r={nonce}"
    while True:
        typ, data = frame(s)
        if typ == b"Z":
            return s
        if typ == b"E":
            sys.exit(f"login: {data}")
        code = struct.unpack("!I", data[:4])[0] if typ == b"R" else 0
        if code == 10:
            first = b"n,," + bare.encode()
            send(s, b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        elif code == 11:
            said = data[4:].decode()
            parts = dict(p.split("=", 1) for p in said.split(","))
            salted = salted_password(base64.b64decode(parts["s"]), int(parts["i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            final = f"c=biws,r={parts['r']}"
            signature = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{said},{final}".encode(), "sha256")
            proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
            send(s, f"{final},p={proof}".encode())


SALTED = {}


def salted_password(salt, iterations):
    if (salt, iterations) not in SALTED:
        SALTED[salt, iterations] = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    return SALTED[salt, iterations]


def send(s, body):
    s.sendall(b"p" + struct.pack("!I", len(body) + 4) + body)


def frame(s):
    head = exactly(s, 5)
    return head[:1], exactly(s, struct.unpack("!I", head[1:])[0] - 4)


def exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            sys.exit("login: connection closed")
        data += more
    return data


if __name__ == "__main__":
    main()
