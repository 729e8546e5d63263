"""--plaintext allow: clients without TLS reach the app as if nobody stood between, and are told apart in the log."""

import socket
import threading

import pytest

from support import apps
from support.client import connect, connect_tls, receive_exactly, wait_for_end
from support.metrics import scrape
from support.waiting import wait_until

ALLOW = ("--plaintext", "allow")


def end(connection):
    connection.shutdown(socket.SHUT_WR)


def test_clients_with_and_without_tls_reach_the_app_and_are_told_apart(run, echo_app):
    with run(echo_app.port, *ALLOW) as sidelock:
        with connect(sidelock.port) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert receive_exactly(plain, 18) == b"GET / HTTP/1.0\r\n\r\n"
            end(plain)
            assert wait_for_end(plain) == "fin"
        without = sidelock.wait_for_access(1)[0]
        with connect_tls(sidelock.port) as client:
            client.sendall(b"x")
            receive_exactly(client, 1)
            client.unwrap()
        with_tls = sidelock.wait_for_access(2)[1]
        assert (without["outcome"], without["tls.established"]) == ("ok", False)
        assert (without["received_bytes"], without["sent_bytes"]) == (18, 18)
        assert "tls.protocol.version" not in without
        assert with_tls["tls.protocol.version"] == "1.3" and "tls.established" not in with_tls


def test_the_start_says_which_ports_are_open_and_the_others_stay_closed(run, echo_app, free_port):
    other = free_port()
    with run(echo_app.port, "--port-policy", f"{other}:plaintext=allow", more_ports=[other]) as sidelock:
        warning = sidelock.wait_for_message("without TLS")
        assert str(other) in warning and str(sidelock.port) not in warning
        refused = connect(sidelock.port)
        refused.sendall(b"plain text")
        assert wait_for_end(refused) == "reset"
        refused.close()
        assert echo_app.seen == []
        sidelock.wait_for_outcome("plaintext")


@pytest.mark.parametrize("size", [1, 5, 16 << 10, 5 << 20])
def test_every_byte_passes_in_both_directions_at_once(run, echo_app, size):
    data = apps.pattern(size)
    with run(echo_app.port, *ALLOW) as sidelock, connect(sidelock.port) as plain:
        def send():
            plain.sendall(data)
            end(plain)  # with the last bytes, or with the only ones
        sender = threading.Thread(target=send)
        sender.start()
        assert receive_exactly(plain, size) == data
        assert plain.recv(1) == b""
        sender.join()
        line = sidelock.wait_for_outcome("ok")
        assert (line["received_bytes"], line["sent_bytes"]) == (size, size)
        assert echo_app.connection().wait().end == "fin"


def test_the_app_may_end_first(run):
    with apps.App(apps.source(b"all I have to say")) as app, run(app.port, *ALLOW) as sidelock:
        with connect(sidelock.port) as plain:
            plain.sendall(b"go")
            assert receive_exactly(plain, 17) == b"all I have to say"
            assert plain.recv(1) == b""
            plain.sendall(b" on")
            end(plain)
            seen = app.connection().wait()
            assert (seen.head, seen.end) == (b"go on", "fin")
        sidelock.wait_for_outcome("ok")


def test_a_reset_of_the_client_reaches_the_app(run):
    with apps.App(apps.sink) as app, run(app.port, *ALLOW) as sidelock:
        plain = connect(sidelock.port)
        plain.sendall(b"before the fall")
        seen = app.connection()
        wait_until(lambda: seen.count == 15, "the bytes to arrive")
        apps.reset(plain)
        assert seen.wait().end == "reset"
        assert sidelock.wait_for_outcome("client_reset")["tls.established"] is False


def test_a_reset_of_the_app_reaches_the_client_after_its_last_bytes(run):
    data = apps.pattern(2 << 20)

    def send_and_reset(connection, seen):
        connection.sendall(data)
        assert connection.recv(2) == b"go"
        assert connection.recv(1) == b"x"  # the client has it all
        apps.reset(connection)
        seen.end = "reset by itself"

    with apps.App(send_and_reset) as app, run(app.port, *ALLOW) as sidelock, connect(sidelock.port) as plain:
        plain.sendall(b"go")
        assert receive_exactly(plain, len(data)) == data
        plain.sendall(b"x")
        assert wait_for_end(plain) == "reset"
        sidelock.wait_for_outcome("app_reset")


def test_a_reader_that_pauses_gets_everything_and_costs_one_buffer(run):
    data = apps.pattern(64 << 20)
    with apps.App(apps.source(data)) as app, run(app.port, *ALLOW) as sidelock, connect(sidelock.port) as plain:
        plain.sendall(b"go")
        receive_exactly(plain, 1)
        before = sidelock.resident_bytes()
        app.connection()
        # The app is stuck in its send: what is under way fits in the kernel's buffers and one of ours.
        assert sidelock.resident_bytes() - before < 4 << 20
        assert receive_exactly(plain, len(data) - 1) == data[1:]
        end(plain)
        sidelock.wait_for_outcome("ok")


def test_limits_hold_as_with_tls(run, echo_app):
    with run(echo_app.port, *ALLOW, "--idle-timeout", "300ms", "--handshake-timeout", "300ms") as sidelock:
        with connect(sidelock.port) as silent:
            assert wait_for_end(silent) == "reset"
        sidelock.wait_for_outcome("handshake_timeout")
        assert echo_app.seen == []
        with connect(sidelock.port) as plain:
            plain.sendall(b"x")
            receive_exactly(plain, 1)
            assert wait_for_end(plain) == "reset"
        assert sidelock.wait_for_outcome("idle_timeout")["tls.established"] is False


def test_a_broken_client_hello_is_not_taken_for_plain_text(run, echo_app):
    with run(echo_app.port, *ALLOW) as sidelock:
        with connect(sidelock.port) as broken:
            broken.sendall(b"\x16\x03\x01\x00\x05hello")
            wait_for_end(broken)
        sidelock.wait_for_outcome("handshake_failed")
        assert echo_app.seen == []


def test_a_drain_ends_quiet_connections_cleanly(run, echo_app):
    with run(echo_app.port, *ALLOW) as sidelock, connect(sidelock.port) as plain:
        plain.sendall(b"x")
        receive_exactly(plain, 1)
        assert sidelock.stop() == 0
        assert wait_for_end(plain) == "fin"
        assert sidelock.wait_for_outcome("drained")["tls.established"] is False


def test_the_metrics_tell_when_nobody_comes_without_tls_any_more(run, echo_app, free_port):
    closed = free_port()
    with run(echo_app.port, *ALLOW, "--port-policy", f"{closed}:plaintext=refuse", more_ports=[closed], has_admin=True) as sidelock:
        def wait_for_count(expected):
            def is_counted():
                metrics = scrape(sidelock.admin_port)
                counts = [metrics.value("sidelock_plaintext_connections_total", port=str(port)) for port in (sidelock.port, closed)]
                ended = metrics.value("sidelock_connections_closed_total")
                return counts == [expected, 0] and ended == len(sidelock.access())
            wait_until(is_counted, f"{expected} connections without TLS")

        wait_for_count(0)
        for number in range(1, 4):
            with connect(sidelock.port) as plain:
                plain.sendall(b"x")
                receive_exactly(plain, 1)
                wait_for_count(number)
        with connect(closed) as refused:
            refused.sendall(b"plain text")
            assert wait_for_end(refused) == "reset"
        for port in (sidelock.port, closed):
            with connect_tls(port) as client:
                client.sendall(b"x")
                receive_exactly(client, 1)
                client.unwrap()
        sidelock.wait_for_access(6)
        wait_for_count(3)
