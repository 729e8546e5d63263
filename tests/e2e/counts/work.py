"""Pieces of work, in lockstep so that what the program does for them depends on no timing."""

from support.client import connect_tls, context, receive_exactly

MIB = 1 << 20
TLS = context()  # one for all: making it takes Python longer than a handshake


def requests(count, size=1024):
    """`count` requests and answers of `size` bytes over one connection, to an app that echoes."""
    def work(sidelock):
        with connect_tls(sidelock.port, tls=TLS) as client:
            for _ in range(count):
                client.sendall(b"x" * size)
                receive_exactly(client, size)
            client.unwrap()
    return work


def connections(count):
    """`count` connections, one after the other, each with a full handshake and one small request."""
    def work(sidelock):
        for _ in range(count):
            requests(1, 64)(sidelock)
    return work


def download(mebibytes):
    """All of what an app sends that is a source of so much."""
    def work(sidelock):
        with connect_tls(sidelock.port, tls=TLS) as client:
            receive_exactly(client, mebibytes * MIB)
            client.unwrap()
    return work


def upload(mebibytes):
    """So much to an app that is a sink."""
    def work(sidelock):
        block = bytes(MIB)
        with connect_tls(sidelock.port, tls=TLS) as client:
            for _ in range(mebibytes):
                client.sendall(block)
            client.unwrap()
    return work
