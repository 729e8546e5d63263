"""Clients: Python's ssl for the ordinary, and one that can do wrong on purpose."""

import select
import socket
import ssl
import struct

from .namespaces import in_namespace
from .waiting import DEADLINE

BLOCK = 1 << 16


def context(authority=None, alpn=None, version=None):
    """A client's TLS context; verifies when an authority is given."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # ssl's default context would read the system's authorities each time
    if authority:
        made.load_verify_locations(str(authority.certificate))
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if alpn:
        made.set_alpn_protocols(alpn)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def connect(port, address="127.0.0.1", namespace=None, source_port=0, timeout=DEADLINE):
    """A plain TCP connection."""
    def dial():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = socket.socket(family)
        made.settimeout(timeout)
        if source_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", source_port))
        made.connect(socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)[0][4])
        return made
    return in_namespace(namespace, dial)


def connect_tls(port, address="127.0.0.1", namespace=None, name="localhost", tls=None, **options):
    """A TLS connection, after its handshake. `suppress_ragged_eofs` is off: a bare end raises SSLEOFError."""
    plain = connect(port, address, namespace, **options)
    return (tls or context()).wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)


def say_hello(port):
    """A short conversation with an app that echoes, with a clean end."""
    with connect_tls(port) as client:
        client.sendall(b"hello")
        assert receive_exactly(client, 5) == b"hello"
        client.unwrap()


def speak_plaintext(port, times=1):
    """As clients that know nothing of TLS do; waits each time for the end that they get."""
    for _ in range(times):
        with connect(port) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            wait_for_end(client)


def client_hello(alpn=None):
    """The first bytes of a client."""
    outgoing = ssl.MemoryBIO()
    tls = context(alpn=alpn).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def receive_exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        part = connection.recv(min(BLOCK, size - len(data)))
        if not part:
            raise AssertionError(f"the stream ended after {len(data)} of {size} bytes")
        data += part
    return bytes(data)


class RawTls:
    """TLS over memory, so that a test decides what reaches the wire, and when."""

    def __init__(self, port, address="127.0.0.1", tls=None, name="localhost", namespace=None, source_port=0):
        self.socket = connect(port, address, namespace, source_port)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (tls or context()).wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self._drive(self.tls.do_handshake)

    def _drive(self, action):
        while True:
            try:
                result = action()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.socket.recv(BLOCK)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def flush(self):
        if data := self.outgoing.read():
            self.socket.sendall(data)

    def record(self, data):
        """`data` as TLS records that are not sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def send(self, data):
        self.socket.sendall(self.record(data))

    def send_raw(self, data):
        self.socket.sendall(data)

    def receive(self, size=BLOCK):
        """Some plain text; b"" at a close_notify. Raises at a bare end and at a reset."""
        try:
            return self._drive(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def exchange(self, data, size):
        """Sends `data` and receives `size` bytes at the same time, in one thread; returns them."""
        wire, received = memoryview(self.record(data)), bytearray()
        self.socket.setblocking(False)
        while len(received) < size or wire:
            readable, writable, _ = select.select([self.socket], [self.socket] if wire else [], [], DEADLINE)
            assert readable or writable, f"stuck with {len(wire)} bytes to send and {size - len(received)} to come"
            if writable:
                wire = wire[self.socket.send(wire[:BLOCK]):]
            if readable:
                self.incoming.write(self.socket.recv(BLOCK))
                received += self._decrypted()
        self.socket.settimeout(DEADLINE)
        return bytes(received)

    def _decrypted(self):
        data = b""
        try:
            while part := self.tls.read(BLOCK):
                data += part
        except ssl.SSLWantReadError:
            pass
        return data

    def receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.receive(size - len(data))
            if not part:
                raise AssertionError(f"the stream ended after {len(data)} of {size} bytes")
            data += part
        return bytes(data)

    def close_notify(self):
        """Sends close_notify, and nothing else: a half-close."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            pass
        self.flush()

    def end_bare(self):
        """A TCP end without close_notify."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def wait_for_end(self):
        """Reads to the end of the connection: "close_notify", "bare" or "reset"."""
        try:
            while self.receive():
                pass
            return "close_notify"
        except ConnectionError:
            return "reset"
        except ssl.SSLError:
            return "bare"


def is_reset(port, address="127.0.0.1", namespace=None):
    """Whether a new connection is reset; that may be noticed in connect() already."""
    try:
        refused = connect(port, address, namespace)
    except ConnectionResetError:
        return True
    with refused:
        return wait_for_end(refused) == "reset"


def wait_for_end(plain):
    """How a plain connection ends: "fin" or "reset"; what it brings before is dropped."""
    try:
        while plain.recv(BLOCK):
            pass
        return "fin"
    except ConnectionError:
        return "reset"
