"""Fills a namespace's connection tracking: the limit is the machine's, so the entries must really be there."""

import socket
import struct

NETLINK_NETFILTER = 12
NEW_ENTRY = 1 << 8  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
REQUEST_CREATE = 0x1 | 0x400
ASSURED = 0x2 | 0x4 | 0x8  # answered, assured, confirmed: never dropped to make room
IN_ONE_MESSAGE = 400


def attribute(kind, data, is_nested=False):
    length = 4 + len(data)
    return struct.pack("=HH", length, kind | (0x8000 if is_nested else 0)) + data + b"\0" * (-length % 4)


def ends(kind, source, destination, source_port, destination_port):
    addresses = attribute(1, attribute(1, source) + attribute(2, destination), True)
    ports = attribute(1, b"\x11") + attribute(2, struct.pack(">H", source_port)) + attribute(3, struct.pack(">H", destination_port))
    return attribute(kind, addresses + attribute(2, ports, True), True)


def entry(number):
    source, destination = struct.pack(">I", 0x0A000000 + (number >> 14)), bytes([192, 0, 2, 1])
    port = 1024 + (number & 0x3FFF)
    body = struct.pack("=BBH", socket.AF_INET, 0, 0)
    body += ends(1, source, destination, port, 53) + ends(2, destination, source, 53, port)
    body += attribute(3, struct.pack(">I", ASSURED)) + attribute(7, struct.pack(">I", 600))
    return struct.pack("=IHHII", 16 + len(body), NEW_ENTRY, REQUEST_CREATE, 0, 0) + body


def value(namespace, name):
    return int(namespace.run("cat", f"/proc/sys/net/netfilter/{name}").stdout)


def add(namespace, numbers):
    with namespace.enter(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)) as netlink:
        for first in range(numbers.start, numbers.stop, IN_ONE_MESSAGE):
            netlink.send(b"".join(entry(number) for number in range(first, first + IN_ONE_MESSAGE)))


def fill(namespace):
    limit = value(namespace, "nf_conntrack_max")
    assert 0 < limit <= 1 << 20, f"nf_conntrack_max is {limit}"
    add(namespace, range(0, limit))


def top_up(namespace):
    """Takes the places of what has expired since; the kernel refuses what there is no place for."""
    limit = value(namespace, "nf_conntrack_max")
    add(namespace, range(limit, limit + IN_ONE_MESSAGE))
    assert value(namespace, "nf_conntrack_count") >= limit
