"""A reset on one side is a reset on the other, after what was relayed before has arrived; never a clean end."""

import os
import pathlib
import signal
import socket
import threading

import pytest

from support import apps
from support.client import RawTls, connect


class PlainClient:
    def __init__(self, port):
        self._socket = connect(port)
        self.send = self._socket.sendall

    def reset(self):
        apps.reset(self._socket)


def test_a_reset_of_the_client_reaches_the_app(run):
    with apps.App(apps.sink) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"before the fall")
        seen = app.connection()
        apps.wait_until(lambda: seen.count == 15, "the bytes to arrive")
        client.reset()
        assert seen.wait().end == "reset"
        assert seen.head == b"before the fall"
        sidelock.wait_for_outcome("client_reset")


def test_a_reset_of_the_app_reaches_the_client_after_its_last_bytes(run):
    data = apps.pattern(2 << 20)

    def send_and_reset(connection, seen):
        connection.sendall(data)
        assert connection.recv(1) == b"x"  # the client has it all
        apps.reset(connection)
        seen.end = "reset by itself"

    with apps.App(send_and_reset) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        assert client.receive_exactly(len(data)) == data
        client.send(b"x")
        assert client.wait_for_end() == "reset"
        client.close()
        sidelock.wait_for_outcome("app_reset")


def test_an_app_that_closes_with_unread_input_does_not_look_clean(run):
    def ignore(connection, seen):
        connection.recv(1)
        connection.close()  # unread bytes: the kernel sends a reset
        seen.end = "closed"

    with apps.App(ignore) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"a request that nobody reads")
        assert client.wait_for_end() == "reset"
        client.close()
        sidelock.wait_for_outcome("app_reset")


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_client_that_resets_after_the_answer_was_complete_is_no_error(run, size):
    data = apps.pattern(size)
    with apps.App(apps.source(data)) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        assert client.receive_exactly(size) == data
        assert client.receive() == b""
        client.reset()
        assert app.connection().wait().end == "fin"
        sidelock.wait_for_outcome("ok")


def test_a_client_that_ended_its_stream_and_then_resets_is_no_clean_end(run):
    def answer_for_ever(connection, seen):
        apps.receive_all(connection, seen)
        seen.end = None
        while True:
            connection.sendall(bytes(100_000))

    with apps.App(answer_for_ever) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"question")
        client.close_notify()
        client.receive_exactly(100_000)
        client.reset()
        assert app.connection().wait().end == "reset"
        sidelock.wait_for_outcome("client_reset")


def all_threads_sleep(pid):
    """proc_pid_stat(5): T is stopped by a signal, which takes effect a moment after it was sent."""
    states = [stat.read_text().rpartition(")")[2].split()[0] for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


@pytest.mark.parametrize("size", [0, 1000, 40_000])
@pytest.mark.parametrize("make_client, settings", [
    pytest.param(RawTls, ("--record-layer", "native"), id="native"),
    pytest.param(RawTls, ("--record-layer", "openssl"), id="openssl"),
    pytest.param(PlainClient, ("--plaintext", "allow"), id="plaintext"),
])
def test_a_client_that_has_reset_when_the_app_ends_is_no_clean_end(run, make_client, settings, size):
    has_begun, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def end_when_told(connection, seen):
        assert connection.recv(5) == b"hello"
        connection.sendall(b"hello")
        has_begun.set()
        may_end.wait(30)
        connection.shutdown(socket.SHUT_WR)
        has_ended.set()
        apps.receive_all(connection, seen)

    with apps.App(end_when_told) as app, run(app.port, *settings) as sidelock:
        client = make_client(sidelock.port)
        client.send(b"hello")
        seen = app.connection()
        assert has_begun.wait(30)
        # Both come while it sleeps, so that it learns of them in one turn.
        os.kill(sidelock.pid, signal.SIGSTOP)
        try:
            apps.wait_until(lambda: all_threads_sleep(sidelock.pid), "the process to stop")
            client.send(bytes(size))
            client.reset()
            may_end.set()
            assert has_ended.wait(30)
        finally:
            os.kill(sidelock.pid, signal.SIGCONT)
        assert seen.wait().end == "reset"
        sidelock.wait_for_outcome("client_reset")
