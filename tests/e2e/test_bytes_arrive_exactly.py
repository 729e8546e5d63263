"""Both directions carry exactly the bytes that were sent, whatever their number and split."""

import hashlib
import socket
import threading

from support import apps
from support.client import RawTls, connect_tls, context, receive_exactly

MANY = 100 << 20


def test_a_hundred_megabytes_arrive_at_the_app(run):
    data = apps.pattern(1 << 20)
    with apps.App(apps.answer_after_end(b"done")) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        expected = hashlib.sha256()
        for _ in range(MANY // len(data)):
            client.send(data)
            expected.update(data)
        client.close_notify()
        assert client.receive_exactly(4) == b"done"
        client.close()
        seen = app.connection().wait()
        assert (seen.count, seen.hash.digest(), seen.end) == (MANY, expected.digest(), "fin")
        line = sidelock.wait_for_outcome("ok")
        assert (line["received_bytes"], line["sent_bytes"]) == (MANY, 4)


def test_a_hundred_megabytes_arrive_at_the_client(run):
    data = apps.pattern(MANY)
    with apps.App(apps.source(data)) as app, run(app.port) as sidelock:
        received = hashlib.sha256()
        client = RawTls(sidelock.port)
        while part := client.receive():
            received.update(part)
        client.close_notify()
        client.close()
        assert received.digest() == hashlib.sha256(data).digest()
        assert sidelock.wait_for_outcome("ok")["sent_bytes"] == MANY


def test_both_directions_flow_at_once(run, echo_app):
    data = apps.pattern(64 << 20)
    with run(echo_app.port) as sidelock:
        client = RawTls(sidelock.port)
        assert client.exchange(data, len(data)) == data
        client.close_notify()
        assert client.wait_for_end() == "close_notify"
        client.close()


def test_single_bytes_in_records_of_their_own_arrive_in_order(run, echo_app):
    with run(echo_app.port) as sidelock:
        client = RawTls(sidelock.port)
        data = apps.pattern(2000)
        wire = b"".join(client.record(data[i:i + 1]) for i in range(len(data)))
        for start in range(0, len(wire), 7):
            client.send_raw(wire[start:start + 7])
        assert client.receive_exactly(len(data)) == data
        client.close_notify()
        assert client.wait_for_end() == "close_notify"
        client.close()


def test_data_sent_together_with_the_end_of_the_handshake_is_not_lost(run, echo_app):
    with run(echo_app.port) as sidelock:
        for _ in range(20):
            with connect_tls(sidelock.port) as client:
                client.sendall(b"early bird")
                assert receive_exactly(client, 10) == b"early bird"
                client.unwrap()


def test_a_server_that_speaks_first_is_heard(run):
    with apps.App(apps.speak_first(b"220 ready\r\n")) as app, run(app.port) as sidelock:
        with connect_tls(sidelock.port) as client:
            assert receive_exactly(client, 11) == b"220 ready\r\n"
            client.sendall(b"hello")
            assert receive_exactly(client, 5) == b"hello"
            client.unwrap()


def test_many_connections_at_once_do_not_mix(run, echo_app):
    with run(echo_app.port) as sidelock:
        failures = []

        def talk(number):
            try:
                data = apps.pattern(200_000, seed=str(number).encode())
                with connect_tls(sidelock.port, tls=context()) as client:
                    for _ in range(3):
                        client.sendall(data)
                        assert receive_exactly(client, len(data)) == data
                    client.unwrap()
            except BaseException as error:  # shown by the assertion below
                failures.append(error)

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_urgent_bytes_of_the_app_are_bytes_like_all_others(run):
    def send_urgently(connection, seen):
        for _ in range(100):
            connection.send(b"before")
            connection.send(b"now", socket.MSG_OOB)
            connection.send(b"after")
        connection.shutdown(socket.SHUT_WR)
        apps.receive_all(connection, seen)

    with apps.App(send_urgently) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        assert client.receive_exactly(1400) == b"beforenowafter" * 100
        assert client.receive() == b""
        client.close_notify()
        client.close()
