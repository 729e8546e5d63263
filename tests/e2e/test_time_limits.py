"""Idle, close and handshake limits end what stands still, and never what flows."""

from support import apps
from support.client import RawTls, connect_tls, receive_exactly
from support.waiting import wait_until


def test_an_idle_connection_is_reset_at_the_idle_timeout(run, echo_app):
    with run(echo_app.port, "--idle-timeout", "300ms") as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        assert client.wait_for_end() == "reset"
        client.close()
        assert echo_app.connection().wait().end == "reset"
        sidelock.wait_for_outcome("idle_timeout")


def test_without_an_idle_timeout_a_quiet_connection_stays(run, echo_app):
    with run(echo_app.port, "--close-timeout", "100ms") as sidelock:
        with connect_tls(sidelock.port) as quiet:
            for _ in range(3):
                # Other connections come and go meanwhile.
                with connect_tls(sidelock.port) as other:
                    other.sendall(b"x")
                    receive_exactly(other, 1)
                    other.unwrap()
            quiet.sendall(b"still here")
            assert receive_exactly(quiet, 10) == b"still here"
            quiet.unwrap()


def test_a_client_that_never_ends_is_reset_after_the_app_has(run):
    with apps.App(apps.source(b"bye")) as app, run(app.port, "--close-timeout", "300ms") as sidelock:
        client = RawTls(sidelock.port)
        assert client.receive_exactly(3) == b"bye"
        assert client.receive() == b""
        assert app.connection().wait().end == "reset"
        client.close()
        sidelock.wait_for_outcome("close_timeout")


def test_a_transfer_that_flows_slowly_is_not_cut(run):
    def trickle(connection, seen):
        for _ in range(10):
            connection.sendall(b"x" * 100)
            wait_until(lambda: received and received.pop(), "the client to have it")
        connection.shutdown(1)
        apps.receive_all(connection, seen)

    received = []
    with apps.App(trickle) as app, run(app.port, "--idle-timeout", "3s") as sidelock:
        client = RawTls(sidelock.port)
        for _ in range(10):
            client.receive_exactly(100)
            received.append(True)
        assert client.receive() == b""
        client.close_notify()
        client.close()
        sidelock.wait_for_outcome("ok")
