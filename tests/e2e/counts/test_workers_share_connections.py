"""The kernel spreads new connections over the workers' listeners by their addresses and ports (SO_REUSEPORT)."""

import collections
import re
import socket
import struct

from support.waiting import wait_until

WORKERS = 4
CONNECTIONS = 10_000
# Each a client of its own: one address would run out of ports.
CLIENTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


def connect_and_leave(port, address):
    """A connection that leaves by a reset, so that its port is free again at once."""
    with socket.socket() as client:
        client.bind((address, 0))
        client.connect(("127.0.0.1", port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def accepted_by_thread(trace):
    """How many connections each thread has accepted so far. An interrupted call ends in a line of its own."""
    return collections.Counter(re.findall(r"^(\d+) +(?:accept4\(|<\.\.\. accept4 resumed>).* = \d+$", trace.read_text(),
                                          re.MULTILINE))


def test_workers_take_equal_shares_of_many_connections(run, echo_app, tmp_path):
    trace = tmp_path / "trace"
    # The filter lets every other call run at full speed; --quiet leaves the exits out.
    prefix = ("strace", "-D", "--follow-forks", "--seccomp-bpf", "--trace=accept4", "--quiet=all", "--output", str(trace))
    with run(echo_app.port, "--workers", str(WORKERS), "--access-log", "off", prefix=prefix) as sidelock:
        for number in range(CONNECTIONS):
            connect_and_leave(sidelock.port, CLIENTS[number % len(CLIENTS)])
    wait_until(lambda: sum(accepted_by_thread(trace).values()) == CONNECTIONS, "every accepted connection in the trace")
    shares = accepted_by_thread(trace)
    assert len(shares) == WORKERS, shares
    assert max(shares.values()) <= 1.5 * min(shares.values()), shares
