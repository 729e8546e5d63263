"""SIGTERM loses nothing: transfers finish, quiet connections are closed cleanly, what does not end is reset in time."""

import signal
import threading

import pytest

from support import apps
from support.client import RawTls, connect, connect_tls, receive_exactly
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def test_transfers_in_flight_finish(run):
    data = apps.pattern(20 << 20)
    gate = threading.Event()

    def send_when_told(connection, seen):
        connection.sendall(data[:1000])
        gate.wait(30)
        connection.sendall(data[1000:])
        connection.shutdown(1)
        apps.receive_all(connection, seen)

    with apps.App(send_when_told) as app, run(app.port) as sidelock:
        clients = [RawTls(sidelock.port) for _ in range(6)]
        heads = [client.receive_exactly(1000) for client in clients]
        # All of them flow, so none is quiet however long its client takes to read on.
        gate.set()
        heads = [head + client.receive_exactly(1000) for client, head in zip(clients, heads)]
        sidelock.signal(signal.SIGTERM)
        for client, head in zip(clients, heads):
            assert head + client.receive_exactly(len(data) - 2000) == data
            assert client.wait_for_end() == "close_notify"
            client.close_notify()
            client.close()
        assert sidelock.wait() == 0


def test_quiet_connections_are_closed_cleanly(run, echo_app):
    with run(echo_app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"x")
        assert client.receive_exactly(1) == b"x"
        silent = connect(sidelock.port)
        sidelock.signal(signal.SIGTERM)
        assert client.wait_for_end() == "close_notify"
        client.close()
        silent.close()
        assert echo_app.connection().wait().end == "fin"
        assert sidelock.wait() == 0
        assert "drained" in {line["outcome"] for line in sidelock.access()}


def test_new_connections_are_served_during_the_drain_delay(run, echo_app):
    with run(echo_app.port, "--drain-delay", "1s") as sidelock:
        sidelock.signal(signal.SIGTERM)
        sidelock.wait_for_message("draining")
        with connect_tls(sidelock.port) as client:
            client.sendall(b"late")
            assert receive_exactly(client, 4) == b"late"
            client.unwrap()
        assert sidelock.wait() == 0


def test_what_does_not_end_is_reset_at_the_drain_timeout(run):
    def pour(connection, seen):
        while True:
            connection.sendall(b"x" * 1000)

    with apps.App(pour) as app, run(app.port, "--drain-timeout", "500ms") as sidelock:
        client = RawTls(sidelock.port)
        client.receive_exactly(1000)
        sidelock.signal(signal.SIGTERM)
        assert client.wait_for_end() == "reset"
        client.close()
        assert sidelock.wait() == 0
        assert any("drain timeout" in message for message in sidelock.messages())


def test_a_second_signal_ends_at_once(run, echo_app):
    with run(echo_app.port, "--drain-delay", "30s") as sidelock:
        sidelock.signal(signal.SIGTERM)
        sidelock.wait_for_message("draining")
        sidelock.signal(signal.SIGTERM)
        assert sidelock.wait() == 1


# Nothing of how the listeners are closed may need a privilege: run has given them all up by then.
@pytest.mark.parametrize("prefix", [(), ("setpriv", "--reuid", "19100", "--regid", "19100", "--clear-groups")], ids=["root", "user"])
def test_nothing_is_lost_under_load(run, echo_app, readable_tls_folder, prefix):
    failures, served = [], []
    is_told = threading.Event()

    def ask():
        while True:
            try:
                with connect_tls(sidelock.port) as client:
                    client.sendall(b"ping")
                    if receive_exactly(client, 4) == b"ping":
                        served.append(1)
                    client.unwrap()
            except ConnectionRefusedError:
                return  # the listener is closed: a Service would have gone elsewhere by then
            except (OSError, AssertionError) as error:
                failures.append(repr(error))
                return

    with run(echo_app.port, "--workers", "2", "--drain-delay", "500ms", credential=("--tls-dir", str(readable_tls_folder)),
             prefix=prefix) as sidelock:
        askers = [threading.Thread(target=ask) for _ in range(6)]
        for asker in askers:
            asker.start()
        wait_until(lambda: len(served) > 50, "load")
        sidelock.signal(signal.SIGTERM)
        is_told.set()
        for asker in askers:
            asker.join()
        assert sidelock.wait() == 0
        assert failures == []
