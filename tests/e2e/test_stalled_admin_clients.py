"""Clients of the admin address that stall delay neither a probe nor a connection, and take no more than their share."""

import socket
import threading

import pytest

from support.admin import ask
from support.client import connect, say_hello, wait_for_end
from support.process import IS_SANITIZED
from support.waiting import wait_until

MOST = 32  # at a time


def stall(port, number):
    """Says nothing, or half a request, or a whole one whose answer it never reads."""
    client = connect(port)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.sendall((b"", b"GET /readyz HTTP/1.1\r\nHost: ", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")[number % 3])
    return client


@pytest.mark.alone
def test_two_hundred_stalled_clients_keep_nobody_out(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        say_hello(sidelock.port)
        ask(sidelock.admin_port, "/readyz")
        files, memory = sidelock.open_files(), sidelock.resident_bytes()
        clients = [stall(sidelock.admin_port, number) for number in range(200)]
        # The newest are served at the cost of the oldest, which are let go without waiting for their time limit.
        assert ask(sidelock.admin_port, "/livez").status == 200
        assert ask(sidelock.admin_port, "/readyz").status == 200
        # Before the next visit: its two sockets close a moment after the visitor is gone.
        assert sidelock.open_files() <= files + MOST
        say_hello(sidelock.port)
        if not IS_SANITIZED:
            assert sidelock.resident_bytes() - memory < 4 << 20
        for client in clients[:100]:
            wait_for_end(client)
        for client in clients:
            client.close()
        wait_until(lambda: sidelock.open_files() <= files, "the stalled clients to be let go")


def test_a_client_that_sends_nothing_is_let_go_by_itself(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        silent, slow = stall(sidelock.admin_port, 0), stall(sidelock.admin_port, 1)
        for client in (silent, slow):
            wait_for_end(client)
            client.close()


def test_a_flood_of_requests_leaves_the_data_path_alone(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        stop, asked, failures = threading.Event(), [], []

        def flood():
            while not stop.is_set():
                try:
                    asked.append(ask(sidelock.admin_port, "/readyz").status)
                except OSError as error:
                    failures.append(error)

        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            say_hello(sidelock.port)
        stop.set()
        for thread in threads:
            thread.join()
        assert set(asked) == {200} and failures == []
