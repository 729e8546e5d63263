"""What a client's bare end, a cut record and a forged record become for the app."""

import pytest

from support import apps
from support.client import RawTls, context
from support.waiting import wait_until


def upload_and_end_bare(sidelock, app, data=b"half a message", alpn=None):
    client = RawTls(sidelock.port, tls=context(alpn=alpn))
    client.send(data)
    seen = app.connection()
    wait_until(lambda: seen.count == len(data), "the bytes to arrive")
    client.end_bare()
    seen.wait()
    client.close()
    return seen.end


@pytest.mark.parametrize("setting, alpn, end, outcome", [
    ("auto", None, "reset", "client_truncated"),
    ("auto", ["http/1.1"], "fin", "client_closed_bare"),
    ("auto", ["h2"], "fin", "client_closed_bare"),
    ("auto", ["mqtt"], "reset", "client_truncated"),
    ("reset", ["http/1.1"], "reset", "client_truncated"),
    ("fin", None, "fin", "client_closed_bare"),
])
def test_a_bare_end_after_an_upload(run, setting, alpn, end, outcome):
    with apps.App(apps.sink) as app, run(app.port, "--on-truncation", setting) as sidelock:
        assert upload_and_end_bare(sidelock, app, alpn=alpn) == end
        sidelock.wait_for_outcome(outcome)


def test_a_bare_end_after_the_apps_last_word_is_clean(run, echo_app):
    with run(echo_app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"question")
        assert client.receive_exactly(8) == b"question"
        client.end_bare()
        assert echo_app.connection().wait().end == "fin"
        assert client.wait_for_end() == "close_notify"
        client.close()
        sidelock.wait_for_outcome("client_closed_bare")


def test_a_bare_end_without_a_byte_is_clean(run, echo_app):
    with run(echo_app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.end_bare()
        assert echo_app.connection().wait().end == "fin"
        client.wait_for_end()
        client.close()
        sidelock.wait_for_outcome("client_closed_bare")


def test_a_bare_end_after_the_app_ended_is_clean(run):
    with apps.App(apps.source(b"bye")) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        assert client.receive_exactly(3) == b"bye"
        assert client.receive() == b""
        client.send(b"last words")
        client.end_bare()
        assert app.connection().wait().end == "fin"
        client.close()
        sidelock.wait_for_outcome("client_closed_bare")


@pytest.mark.parametrize("keep", [1, 4, 5, 6, 100])
def test_a_record_cut_in_the_middle_never_becomes_an_end(run, keep):
    with apps.App(apps.sink) as app, run(app.port, "--on-truncation", "fin") as sidelock:
        client = RawTls(sidelock.port, tls=context(alpn=["http/1.1"]))
        client.send(b"whole")
        client.send_raw(client.record(apps.pattern(1000))[:keep])
        client.end_bare()
        seen = app.connection().wait()
        assert (seen.head, seen.end) == (b"whole", "reset")
        client.close()
        sidelock.wait_for_outcome("client_truncated")


def test_a_forged_record_is_refused_and_nothing_after_it_arrives(run):
    with apps.App(apps.sink) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"true")
        forged = bytearray(client.record(b"false"))
        forged[-1] ^= 1
        client.send_raw(bytes(forged) + client.record(b"more"))
        seen = app.connection().wait()
        assert (seen.head, seen.end) == (b"true", "reset")
        client.wait_for_end()
        client.close()
        assert "error.message" in sidelock.wait_for_outcome("record_error")


def test_all_bytes_before_a_truncation_arrive_even_at_a_reader_that_sleeps(run):
    data = apps.pattern(4 << 20)

    def wait_then_read(connection, seen):
        wait_until(lambda: is_over, "the client to be gone")
        apps.receive_all(connection, seen)

    is_over = []
    with apps.App(wait_then_read) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        app.connection()
        client.socket.settimeout(None)
        client.exchange(data, 0)
        client.end_bare()
        is_over.append(True)
        seen = app.connection().wait()
        assert seen.count == len(data)
        assert seen.end == "reset"
        client.close()
        sidelock.wait_for_outcome("client_truncated")
