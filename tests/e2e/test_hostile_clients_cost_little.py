"""Clients that send nothing, garbage or plain text: bounded time and memory, one reason each, nothing for the app."""

import ssl
import subprocess
import time

import pytest

from support import apps
from support.client import RawTls, connect, connect_tls, context, receive_exactly, wait_for_end
from support.process import IS_SANITIZED
from support.records import HANDSHAKE, KEY_UPDATE_WITH_ANSWER, KEY_UPDATE_WITHOUT_ANSWER, Writer
from support.waiting import wait_until


@pytest.mark.parametrize("data, outcome, end", [
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "plaintext", "reset"),
    (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "plaintext", "reset"),
    (b"\x80\x2e\x01\x00\x02", "plaintext", "reset"),
    (b"\x16\x03\x01\x00\x05hello", "handshake_failed", None),
    (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "handshake_failed", None),
    (b"\x16\x03\x01\x40\x00\x01\x00\xff\xff", "handshake_failed", "fin"),
    (b"\x16\xff\xff\xff\xff" + b"\xff" * 20000, "handshake_failed", None),
], ids=["http", "postgresql", "ssl2", "no_handshake", "empty_hello", "endless_hello", "garbage"])
def test_what_is_no_tls_is_refused_and_never_reaches_the_app(run, echo_app, data, outcome, end):
    with run(echo_app.port) as sidelock:
        client = connect(sidelock.port)
        client.sendall(data)
        seen = wait_for_end(client)
        client.close()
        assert end in (None, seen)
        sidelock.wait_for_outcome(outcome)
        assert echo_app.seen == []


def test_a_client_that_connects_and_leaves_is_no_error(run, echo_app):
    with run(echo_app.port) as sidelock:
        connect(sidelock.port).close()
        line = sidelock.wait_for_outcome("handshake_closed")
        assert "error.type" not in line
        assert echo_app.seen == []


def test_a_client_that_stalls_in_the_handshake_is_closed_at_the_limit(run, echo_app):
    with run(echo_app.port, "--handshake-timeout", "300ms") as sidelock:
        silent = connect(sidelock.port)
        halfway = connect(sidelock.port)
        halfway.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        assert wait_for_end(silent) == "reset"
        assert wait_for_end(halfway) == "reset"
        sidelock.wait_for_outcome("handshake_timeout", count=2)
        silent.close()
        halfway.close()
        assert echo_app.seen == []


@pytest.mark.alone
def test_two_thousand_silent_clients_cost_little_and_keep_nobody_out(run, echo_app):
    count = 2000
    with run(echo_app.port, "--handshake-timeout", "3s", "--log-level", "info") as sidelock:
        with connect_tls(sidelock.port) as warm_up:
            warm_up.unwrap()
        before = sidelock.resident_bytes()
        clients = []
        for number in range(count):
            client = connect(sidelock.port)
            if number % 2:
                client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            clients.append(client)
        with connect_tls(sidelock.port) as other:
            other.sendall(b"still there?")
            assert receive_exactly(other, 12) == b"still there?"
            other.unwrap()
        grown = sidelock.resident_bytes() - before
        if not IS_SANITIZED:
            assert grown < count * 17 * 1024, f"{grown / count / 1024:.1f} KiB for each silent client"
        for client in clients:
            wait_for_end(client)
            client.close()
        sidelock.wait_for_outcome("handshake_timeout", count=count)


def hand_written(sidelock, folder):
    """A connection after its handshake, and the writer of its records."""
    tls = context()
    tls.keylog_filename = str(folder / "keys")
    client = RawTls(sidelock.port, tls=tls)
    return client, Writer(tls.keylog_filename)


@pytest.mark.parametrize("message", [KEY_UPDATE_WITHOUT_ANSWER, KEY_UPDATE_WITH_ANSWER])
def test_a_storm_of_key_updates_is_ended(run, echo_app, tmp_path, message):
    with run(echo_app.port) as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        client.send_raw(b"".join(writer.key_update(message) for _ in range(500)))
        assert wait_for_end(client.socket) == "reset"
        client.close()
        sidelock.wait_for_outcome("key_update_flood")


def test_a_few_key_updates_are_served(run, tmp_path):
    with apps.App(apps.sink) as app, run(app.port) as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        wire = b"".join(writer.key_update(KEY_UPDATE_WITH_ANSWER) + writer.record(b"x" * 10) for _ in range(50))
        client.send_raw(wire)
        seen = app.connection()
        wait_until(lambda: seen.count == 500, "all the bytes")
        client.end_bare()
        client.close()
        seen.wait()
        sidelock.wait_for_access(1)


def test_key_updates_of_a_client_that_takes_no_answer_do_not_pile_up(run, tmp_path):
    with apps.App(apps.source(bytes(16 << 20))) as app, run(app.port, "--key-update-limit", "20") as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        wait_until(lambda: is_standing_still(sidelock), "sidelock to stop reading")
        with pytest.raises(ConnectionError):
            for _ in range(150):
                client.send_raw(writer.key_update(KEY_UPDATE_WITH_ANSWER))
                time.sleep(0.1)  # the pace, half of what is allowed
        client.close()
        sidelock.wait_for_outcome("key_update_flood")


def test_key_updates_that_want_no_answer_are_counted_by_the_second_also_while_the_client_reads_nothing(run, tmp_path):
    with apps.App(apps.source(bytes(16 << 20))) as app, run(app.port, "--key-update-limit", "5") as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        wait_until(lambda: is_standing_still(sidelock), "sidelock to stop reading")
        for _ in range(2):
            client.send_raw(b"".join(writer.key_update(KEY_UPDATE_WITHOUT_ANSWER) for _ in range(4)))
            time.sleep(1.1)  # the second that the setting speaks of
        client.reset()
        sidelock.wait_for_outcome("client_reset")


def test_an_unfinished_message_keeps_no_bytes_of_the_app_back(run, tmp_path):
    with apps.App(apps.echo) as app, run(app.port) as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        client.send_raw(writer.record(b"question") + writer.record(KEY_UPDATE_WITHOUT_ANSWER[:4], HANDSHAKE))
        assert client.receive() == b"question"
        client.close()
        sidelock.wait_for_access(1)


def test_openssl_drops_no_bytes_of_the_app_in_silence_behind_an_unfinished_message(run, tmp_path):
    with apps.App(apps.echo) as app, run(app.port, "--record-layer", "openssl") as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        client.send_raw(writer.record(b"question") + writer.record(KEY_UPDATE_WITHOUT_ANSWER[:4], HANDSHAKE))
        assert wait_for_end(client.socket) == "reset"
        client.close()
        sidelock.wait_for_outcome("record_error")
        assert app.connection().wait().end == "reset"


def test_empty_records_without_end_are_ended(run, tmp_path):
    with apps.App(apps.sink) as app, run(app.port) as sidelock:
        client, writer = hand_written(sidelock, tmp_path)
        client.send_raw(b"".join(writer.record(b"") for _ in range(200)))
        client.wait_for_end()
        client.close()
        assert app.connection().wait().end == "reset"
        sidelock.wait_for_outcome("record_error")


def test_renegotiation_is_refused_with_a_warning(run, echo_app):
    with run(echo_app.port) as sidelock:
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{sidelock.port}", "-tls1_2"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        client.stdin.write(b"R\n")
        client.stdin.flush()
        client.stdin.write(b"after\n")
        client.stdin.flush()
        echo_app.connection()
        output = client.communicate(timeout=30)[0]
        # The refusal is a warning; it is s_client that gives up, with an alert of its own.
        assert b"no renegotiation" in output
        assert sidelock.wait_for_access(1)[0]["outcome"] in ("ok", "client_closed_bare", "client_reset", "record_error")


@pytest.mark.alone
@pytest.mark.slow
def test_a_slow_reader_with_much_behind_it_costs_one_buffer(run):
    def pour(connection, seen):
        block = bytes(1 << 20)
        for _ in range(100):
            connection.sendall(block)
        connection.shutdown(1)
        apps.receive_all(connection, seen)

    with apps.App(pour) as app, run(app.port) as sidelock:
        with connect_tls(sidelock.port) as warm_up:
            receive_exactly(warm_up, 100 << 20)
        sidelock.wait_for_access(1)
        before = sidelock.resident_bytes()
        client = RawTls(sidelock.port)
        first = client.receive()
        # Nobody reads: sidelock has stopped taking from the app once its processor time stands still.
        wait_until(lambda: is_standing_still(sidelock), "sidelock to stop reading")
        if not IS_SANITIZED:
            assert sidelock.resident_bytes() - before < 2 << 20
        left = (100 << 20) - len(first)
        client.receive_exactly(left)
        assert client.wait_for_end() == "close_notify"
        client.close()


def is_standing_still(sidelock):
    ticks = sidelock.cpu_ticks()
    time.sleep(0.3)  # an interval to count processor time over, not a wait for an event
    return sidelock.cpu_ticks() == ticks


def test_a_reader_that_never_reads_and_leaves_is_let_go(run):
    data = bytes(8 << 20)
    with apps.App(apps.source(data)) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.receive()
        client.reset()
        app.connection().wait()
        sidelock.wait_for_outcome("client_reset")


def test_tls_1_1_is_refused(run, echo_app):
    with run(echo_app.port) as sidelock:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        tls.set_ciphers("DEFAULT@SECLEVEL=0")
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
        plain = connect(sidelock.port)
        with pytest.raises(ssl.SSLError):
            tls.wrap_socket(plain, server_hostname="localhost")
        plain.close()
        sidelock.wait_for_outcome("handshake_failed")
