"""A TCP client made of single frames, for what no ordinary client sends: it has an address that its kernel does not know."""

import socket
import struct
import time

from .waiting import DEADLINE

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, HOP_BY_HOP, FRAGMENT, DESTINATION = 6, 0, 44, 60
PAD = bytes([1, 4, 0, 0, 0, 0])  # the options of an empty extension header


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_of(namespace):
    return bytes.fromhex(namespace.run("cat", "/sys/class/net/eth0/address").stdout.strip().replace(":", ""))


class Wire:
    """One connection from a made-up address of the lab's client to the pod."""

    def __init__(self, lab, destination, port=80, source_port=5555):
        self.is_ipv6 = ":" in destination
        family = socket.AF_INET6 if self.is_ipv6 else socket.AF_INET
        self.source = socket.inet_pton(family, "fd77::77" if self.is_ipv6 else "10.77.0.77")
        self.destination = socket.inet_pton(family, destination)
        self.port, self.source_port = port, source_port
        self.client_mac, self.pod_mac = mac_of(lab.client), mac_of(lab.pod)
        readable = ":".join(f"{byte:02x}" for byte in self.client_mac)
        lab.pod.run("ip", "neigh", "replace", socket.inet_ntop(family, self.source), "lladdr", readable, "dev", "eth0")
        self.socket = lab.client.enter(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        self.socket.bind(("eth0", 3))
        self.sequence, self.acknowledged = 1000, 0
        self.options = b""

    def segment(self, flags, data=b""):
        options = self.options
        header = struct.pack(">HHIIBBHHH", self.source_port, self.port, self.sequence, self.acknowledged,
                             (20 + len(options)) // 4 << 4, flags, 65000, 0, 0) + options
        length = struct.pack(">I", len(header) + len(data)) + b"\0\0\0\6" if self.is_ipv6 else \
            struct.pack(">BBH", 0, TCP, len(header) + len(data))
        total = checksum(self.source + self.destination + length + header + data)
        return header[:16] + struct.pack(">H", total) + header[18:] + data

    def send_packet(self, payload, kind=TCP, identification=0, fragment=0):
        """One IP packet. `fragment` is IPv4's offset field, with its flag for more."""
        if self.is_ipv6:
            packet = struct.pack(">IHBB", 6 << 28, len(payload), kind, 64) + self.source + self.destination
            protocol = b"\x86\xdd"
        else:
            packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), identification, fragment, 64, kind, 0)
            packet += self.source + self.destination
            packet = packet[:10] + struct.pack(">H", checksum(packet)) + packet[12:]
            protocol = b"\x08\x00"
        self.socket.send(self.pod_mac + self.client_mac + protocol + packet + payload)

    def send_behind_extensions(self, segment):
        """IPv6: hop-by-hop options and destination options before TCP (RFC 8200, 4.3 and 4.6)."""
        self.send_packet(bytes([DESTINATION, 0]) + PAD + bytes([TCP, 0]) + PAD + segment, HOP_BY_HOP)

    def send_in_fragments(self, segment, identification):
        """Cut as early as a kernel allows: IPv6's wants the plain TCP header in the first one (RFC 8200, 4.5)."""
        cut = 24 if self.is_ipv6 else 8
        first, rest = segment[:cut], segment[cut:]
        if self.is_ipv6:
            self.send_packet(struct.pack(">BBHI", TCP, 0, 1, identification) + first, FRAGMENT)
            self.send_packet(struct.pack(">BBHI", TCP, 0, cut, identification) + rest, FRAGMENT)
        else:
            self.send_packet(first, TCP, identification, 0x2000)
            self.send_packet(rest, TCP, identification, 1)

    def receive(self):
        """(flags, sequence) of the next segment of the pod's for this connection."""
        end = time.monotonic() + DEADLINE
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            frame = self.socket.recv(65536)
            start = 14 + (40 if self.is_ipv6 else 20)
            packet = frame[14:start]
            ends = packet[8:40] if self.is_ipv6 else packet[12:20]
            if frame[6:12] != self.pod_mac or ends != self.destination + self.source:
                continue
            ports = struct.unpack(">HH", frame[start:start + 4])
            if ports == (self.port, self.source_port):
                return frame[start + 13], struct.unpack(">I", frame[start + 4:start + 8])[0]

    def connect(self, send):
        """The three-way handshake, each segment sent by `send`."""
        send(self.segment(SYN))
        flags, sequence = self.receive()
        assert flags == SYN | ACK, f"flags {flags}"
        self.sequence += 1
        self.acknowledged = sequence + 1
        send(self.segment(ACK))

    def wait_for_reset(self):
        while not self.receive()[0] & RST:
            pass

    def close(self):
        self.socket.close()
