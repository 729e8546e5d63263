"""An app that is down, hangs, or comes and goes: a prompt reset with one reason, and the address that was tried."""

import socket
import threading

import pytest

from support import apps
from support.client import RawTls, connect_tls, receive_exactly
from support.namespaces import POD4
from support.waiting import wait_until


def test_an_app_that_does_not_listen_is_a_prompt_reset(run, free_port):
    closed = free_port()
    with run(closed) as sidelock:
        client = RawTls(sidelock.port)
        assert client.wait_for_end() == "reset"
        client.close()
        line = sidelock.wait_for_outcome("app_refused")
        assert line["upstream.address"] == f"127.0.0.1:{closed}"
        assert str(closed) in line["error.message"]


def test_an_app_that_does_not_accept_is_a_reset_after_the_connect_timeout(run):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        # A backlog of 0 holds one connection; the next SYN is dropped.
        with socket.create_connection(("127.0.0.1", port)):
            with run(port, "--connect-timeout", "300ms") as sidelock:
                client = RawTls(sidelock.port)
                assert client.wait_for_end() == "reset"
                client.close()
                sidelock.wait_for_outcome("connect_timeout")


@pytest.mark.netns
def test_an_app_out_of_reach_is_a_reset(lab, run):
    # The pod has no route beyond its own network: the kernel says so at once.
    port = 8443
    with run(80, app_address="10.99.0.1", port=port, listen_address="0.0.0.0", prefix=lab.pod.prefix) as sidelock:
        client = RawTls(port, POD4, namespace=lab.client.name)
        assert client.wait_for_end() == "reset"
        client.close()
        sidelock.wait_for_outcome("app_unreachable")


def test_an_app_that_restarts_under_load_is_reached_again(run, free_port):
    port = free_port()
    stop = threading.Event()
    ends = []

    def keep_asking():
        while not stop.is_set():
            try:
                with connect_tls(sidelock.port) as client:
                    client.sendall(b"ping")
                    ends.append(client.recv(4) == b"ping")
                    client.unwrap()
            except OSError:
                ends.append(False)

    with run(port) as sidelock:
        askers = [threading.Thread(target=keep_asking) for _ in range(4)]
        for asker in askers:
            asker.start()
        for _ in range(5):
            with apps.App(apps.echo, port=port):
                begin = len(ends)
                wait_until(lambda: ends[begin:].count(True) >= 10, "the app to be reached")
            begin = len(ends)
            wait_until(lambda: ends[begin:].count(False) >= 10, "the app to be down")
        stop.set()
        for asker in askers:
            asker.join()
        with apps.App(apps.echo, port=port), connect_tls(sidelock.port) as client:
            client.sendall(b"back")
            assert receive_exactly(client, 4) == b"back"
            client.unwrap()
        sidelock.wait_for_outcome("app_refused")
