"""A reset on one side is a reset on the other, after what was relayed before has arrived; never a clean end."""

import pytest

from support import apps
from support.client import RawTls


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
