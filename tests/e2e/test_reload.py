"""SIGHUP: new handshakes use the new pair, open connections stay, a bad pair is refused and the last good one kept."""

import signal
import ssl
import threading

import pytest

from support.client import connect_tls, context, receive_exactly
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def served_name(port, authority):
    with connect_tls(port, tls=context(authority)) as client:
        names = [value for kind, value in client.getpeercert()["subjectAltName"] if kind == "DNS"]
        client.unwrap()
    return names[-1]


@pytest.fixture
def folder(authority, tmp_path):
    authority.issue("localhost", tmp_path / "tls", names=("first.example",))
    return tmp_path / "tls"


def test_new_handshakes_use_the_new_pair_and_open_connections_stay(run, echo_app, authority, folder):
    # The pair is written in two steps, and found between them where the machine is busy.
    with run(echo_app.port, credential=("--tls-dir", str(folder)), expected_errors=("not reloaded",)) as sidelock:
        assert served_name(sidelock.port, authority) == "first.example"
        with connect_tls(sidelock.port, tls=context(authority)) as old:
            authority.issue("localhost", folder, names=("second.example",))
            sidelock.signal(signal.SIGHUP)
            wait_until(lambda: served_name(sidelock.port, authority) == "second.example", "the new certificate")
            old.sendall(b"still open")
            assert receive_exactly(old, 10) == b"still open"
            old.unwrap()


@pytest.mark.parametrize("damage", ["missing", "garbage", "mismatch"])
def test_a_bad_pair_is_refused_and_the_last_good_one_stays(run, echo_app, authority, folder, tmp_path, damage):
    with run(echo_app.port, credential=("--tls-dir", str(folder)), expected_errors=("not reloaded",)) as sidelock:
        if damage == "missing":
            (folder / "tls.key").unlink()
        elif damage == "garbage":
            (folder / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        else:
            _, key = authority.issue("localhost", tmp_path / "other")
            (folder / "tls.key").write_bytes(key.read_bytes())
        sidelock.signal(signal.SIGHUP)
        assert str(folder) in sidelock.wait_for_message("not reloaded")
        assert served_name(sidelock.port, authority) == "first.example"


def test_no_handshake_fails_while_reloading_under_load(run, echo_app, authority, folder):
    stop, failures, done = threading.Event(), [], []

    def shake_hands():
        while not stop.is_set():
            try:
                with connect_tls(sidelock.port, tls=context(authority)) as client:
                    client.unwrap()
                done.append(1)
            except (OSError, ssl.SSLError) as error:
                failures.append(repr(error))
                return

    with run(echo_app.port, "--workers", "2", credential=("--tls-dir", str(folder))) as sidelock:
        threads = [threading.Thread(target=shake_hands) for _ in range(3)]
        for thread in threads:
            thread.start()
        for count in range(1, 31):
            sidelock.signal(signal.SIGHUP)
            wait_until(lambda: sum("credential reloaded" in m for m in sidelock.messages()) >= count, "the reload")
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert done
