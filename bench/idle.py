"""Idle clients: what memory and CPU time they cost a pooler."""
import base64
import contextlib
import hashlib
import hmac
import os
import resource
import socket
import struct
import sys
import time

from servers import PASSWORD


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
