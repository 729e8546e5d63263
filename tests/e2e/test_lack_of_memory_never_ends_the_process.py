"""Whichever allocation fails, a connection or a request may be lost by it, never the process, a descriptor or the service."""

import signal
import socket
import ssl
import struct

import pytest

from support import apps
from support.client import connect_tls, context, receive_exactly, say_hello
from support.process import IS_SANITIZED
from support.shortage import Shortage
from support.waiting import wait_until

pytestmark = pytest.mark.skipif(
    IS_SANITIZED, reason="the sanitizer brings allocations of its own, which the shim cannot refuse")

ERRORS = ("given up", "not reloaded")
# A signal, a page or a handshake takes its time, but no test shall wait for an answer that does not come.
PATIENCE = 5


def without_each_allocation(sidelock, shortage, act, is_served, step=1):
    """Does `act` again and again, each time without another block of those that it takes, until it has all it wants."""
    given = 0
    while True:
        shortage.begin(given=given, refused=1)
        try:
            act()
        except OSError:
            pass
        refused = shortage.end()
        assert sidelock.process.poll() is None, f"ended when {given} blocks had been given: {sidelock.stderr()}"
        is_served()
        if not refused:
            return
        given += step


def converse(port, tls=None):
    with connect_tls(port, tls=tls, timeout=PATIENCE) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        client.unwrap()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_each_allocation_of_a_connection(run, echo_app, tmp_path, version):
    shortage = Shortage(tmp_path)
    tls = context(alpn=["h2", "http/1.1"], version=version)

    def refused_or_served():
        try:
            converse(sidelock.port, tls)
        except AssertionError:
            pass  # an end in the middle

    with run(echo_app.port, "--workers", "1", environment=shortage.environment, expected_errors=ERRORS) as sidelock:
        without_each_allocation(sidelock, shortage, refused_or_served, lambda: say_hello(sidelock.port))


def test_the_first_handshake_finds_all_algorithms_known(run, echo_app, tmp_path):
    """OpenSSL that has no memory in the midst of looking a kind of them up goes without it for good."""
    shortage = Shortage(tmp_path)
    with run(echo_app.port, "--workers", "1", environment=shortage.environment) as sidelock:
        # It takes some 170 blocks; with what OpenSSL looks up, more than 450.
        shortage.begin(given=300)
        converse(sidelock.port)
        assert shortage.end() == 0


def get(port, path):
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while part := client.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("path", ["/livez", "/readyz?format=json", "/metrics", "/status.json", "/"])
def test_each_allocation_of_a_page(run, echo_app, tmp_path, path):
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("q", 0))
    shortage = Shortage(tmp_path, more_shims=("clock",))
    shortage.environment["SHIM_CLOCK"] = str(clock)
    passed = 0

    def look():
        nonlocal passed
        passed += 2  # all who ask within a second get the same text
        with open(clock, "r+b") as file:
            file.write(struct.pack("q", passed))
        return get(port, path)

    def is_served():
        assert b" 200 " in look()[:20]

    with run(echo_app.port, "--workers", "1", has_admin=True, has_status=True, environment=shortage.environment,
             expected_errors=ERRORS) as sidelock:
        port = sidelock.status_port if path in ("/", "/status.json") else sidelock.admin_port
        without_each_allocation(sidelock, shortage, look, is_served, step=5)


def test_each_allocation_of_a_reload(run, echo_app, tmp_path):
    shortage = Shortage(tmp_path)
    with run(echo_app.port, "--workers", "2", environment=shortage.environment, expected_errors=ERRORS) as sidelock:
        reloads = 0

        def reload():
            nonlocal reloads
            reloads += 1
            sidelock.signal(signal.SIGHUP)
            wait_until(lambda: shortage.count > 0 or sidelock.process.poll() is not None or told() >= reloads, "a reload")

        def told():
            return sum(message.startswith("credential ") for message in sidelock.messages())

        without_each_allocation(sidelock, shortage, reload, lambda: say_hello(sidelock.port), step=41)
        sidelock.signal(signal.SIGHUP)
        sidelock.wait_for_message("credential reloaded")


def test_no_memory_at_all_for_a_while(run, echo_app, tmp_path):
    shortage = Shortage(tmp_path)
    with run(echo_app.port, "--workers", "2", environment=shortage.environment, expected_errors=ERRORS) as sidelock:
        with connect_tls(sidelock.port) as open_before:
            open_before.sendall(b"x")
            assert receive_exactly(open_before, 1) == b"x"
            shortage.begin()
            for _ in range(20):
                with pytest.raises(OSError):
                    converse(sidelock.port)
            assert shortage.end() > 20
            open_before.sendall(b"still here")
            assert receive_exactly(open_before, 10) == b"still here"
        say_hello(sidelock.port)


def test_the_drain_needs_no_memory(run, tmp_path):
    shortage = Shortage(tmp_path)
    with apps.App(apps.echo) as app, run(app.port, "--workers", "2", "--drain-timeout", "100ms",
                                         environment=shortage.environment) as sidelock:
        with connect_tls(sidelock.port) as client:
            client.sendall(b"x")
            assert receive_exactly(client, 1) == b"x"
            shortage.begin()
            assert sidelock.stop() == 0, sidelock.stderr()
            assert shortage.end() > 0
