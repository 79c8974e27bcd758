#!/usr/bin/env python3
"""pgherd beside PgBouncer or Pgpool-II, on a PostgreSQL of their own, in one run.

    bench/compare.py [--against pgpool] [--tls] [--seconds 3] [--rounds 3] [--work NAMES] [--clients 1,16,64] [--idle 4000]

Starts a throw-away PostgreSQL (beside Pgpool-II with two standbys), the other
pooler and pgherd (bin/pgherd, see make build) on free ports of 127.0.0.1 with
equal settings, and runs pgbench through one after the other, round by round. For
every workload and number of clients it prints the medians: transactions/s,
latency, CPU time of the pooler for each transaction, and the ratio of
transactions/s to the other's. Last come the memory of idle clients and its price
for each. Nothing is left behind.

Figures of different machines or runs can't be compared; the ratios can.
"""
import argparse
import contextlib
import os
import pathlib
import re
import statistics
import tempfile

from idle import idle
from servers import make_certificate, pgbench, run, start_pgbouncer, start_pgherd, start_pgpool, start_postgres

HERE = pathlib.Path(__file__).resolve().parent
OTHERS = {"pgbouncer": (start_pgbouncer, 0), "pgpool": (start_pgpool, 2)}  # and the standbys behind them
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
    start, standbys = OTHERS[args.against]
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="pgherd-bench-"))
        os.chmod(base, 0o755)
        pathlib.Path(base, "big.sql").write_text(BIG)
        if args.tls:
            make_certificate(base)
        nodes = start_postgres(stack, base, standbys)
        peers = {args.against: start(stack, base, nodes, args.tls), "pgherd": start_pgherd(stack, base, nodes, args.tls, args.pgherd)}
        for work in args.work:
            for clients in args.clients:
                compare(base, peers, work, clients, args)
        if args.idle:
            for name, peer in peers.items():
                idle(name, peer, args.idle)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--against", choices=list(OTHERS), default="pgbouncer")
    p.add_argument("--tls", action="store_true", help="between clients and poolers")
    p.add_argument("--seconds", type=int, default=3, help="of each measurement")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--work", type=lambda s: s.split(","), default=list(WORK), help=", ".join(WORK))
    p.add_argument("--clients", type=lambda s: [int(n) for n in s.split(",")], default=[1, 16, 64])
    p.add_argument("--idle", type=int, help="idle clients; 0 leaves them out, which is the default for pgpool and with TLS, else 4000")
    p.add_argument("--pgherd", default=str(HERE.parent / "bin" / "pgherd"))
    args = p.parse_args()
    if unknown := set(args.work) - set(WORK):
        p.error(f"no such workload: {', '.join(unknown)}")
    if not os.access(args.pgherd, os.X_OK):
        p.error(f"{args.pgherd} is missing: run make build")
    plain = args.against == "pgbouncer" and not args.tls
    if args.idle and not plain:
        p.error("idle clients are measured beside PgBouncer and without TLS")
    if args.idle is None:
        args.idle = 4000 if plain else 0
    return args


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


if __name__ == "__main__":
    main()
