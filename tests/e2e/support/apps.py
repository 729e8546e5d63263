"""Apps behind sidelock: real TCP servers in threads, each telling what its connections saw."""

import hashlib
import socket
import struct
import threading

from .namespaces import in_namespace
from .waiting import DEADLINE, wait_until

BLOCK = 1 << 16


class Seen:
    """What the app saw of one connection. `end`: "fin", "reset", or None while it lasts."""

    def __init__(self, connection, peer):
        self.connection = connection
        self.peer = peer
        self.count = 0
        self.hash = hashlib.sha256()
        self.head = b""
        self.end = None
        self.is_done = threading.Event()

    def note(self, data):
        self.count += len(data)
        self.hash.update(data)
        if len(self.head) < 4096:
            self.head += data[:4096 - len(self.head)]

    def wait(self):
        assert self.is_done.wait(DEADLINE), f"the app's connection did not end; it has {self.count} bytes"
        return self


class App:
    """Accepts connections and gives each to `handler(connection, seen)` in a thread. Context manager."""

    def __init__(self, handler, address="127.0.0.1", port=0, namespace=None, backlog=1024):
        self.handler = handler
        self.seen = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def listen():
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address == "::":
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            elif family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, port))
            listener.listen(backlog)
            return listener

        self.listener = in_namespace(namespace, listen)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            seen = Seen(connection, peer)
            self.seen.append(seen)
            threading.Thread(target=self._serve, args=(connection, seen), daemon=True).start()

    def _serve(self, connection, seen):
        try:
            self.handler(connection, seen)
        except (ConnectionResetError, BrokenPipeError):
            seen.end = "reset"
        except OSError:
            seen.end = seen.end or "error"
        finally:
            connection.close()
            seen.is_done.set()

    def connection(self, index=0):
        """The index-th connection, once it has come."""
        wait_until(lambda: len(self.seen) > index, f"connection {index} to the app")
        return self.seen[index]

    def close(self):
        # close() alone would leave the accepting thread asleep.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for seen in self.seen:
            try:
                seen.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def receive_all(connection, seen):
    """Reads to the end of the stream, which seen.end then names. Raises ConnectionResetError on a reset."""
    while data := connection.recv(BLOCK):
        seen.note(data)
    seen.end = "fin"


def reset(connection):
    """Ends a connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def echo(connection, seen):
    while data := connection.recv(BLOCK):
        seen.note(data)
        connection.sendall(data)
    seen.end = "fin"
    connection.shutdown(socket.SHUT_WR)


def sink(connection, seen):
    receive_all(connection, seen)


def answer_after_end(text):
    """Reads all the client has to say, then answers."""
    def handler(connection, seen):
        receive_all(connection, seen)
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
    return handler


def speak_first(text):
    """Greets, then echoes."""
    def handler(connection, seen):
        connection.sendall(text)
        echo(connection, seen)
    return handler


def pattern(size, seed=b"sidelock"):
    """`size` reproducible bytes in which no block repeats soon."""
    block = b"".join(hashlib.sha256(seed + index.to_bytes(4, "big")).digest() for index in range(4096))
    return (block * (size // len(block) + 1))[:size]


def source(data):
    """Sends `data`, ends its stream, and reads what comes."""
    def handler(connection, seen):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        receive_all(connection, seen)
    return handler


def answer_http(connection, seen):
    """Answers one request of HTTP/1, whatever it is."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(BLOCK)
        if not part:
            seen.end = "fin"
            return
        seen.note(part)
        head += part
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
