"""--connect-first: an app that refuses is a refused handshake; a client that says nothing costs the app nothing."""

import ssl

import pytest

from support import apps
from support.client import BLOCK, client_hello, connect, connect_tls, context, receive_exactly, wait_for_end
from support.waiting import wait_until


def test_a_refusing_app_refuses_before_the_server_says_a_word(run, free_port):
    with run(free_port(), "--connect-first") as sidelock:
        with connect(sidelock.port) as client:
            client.sendall(client_hello())
            with pytest.raises(ConnectionResetError):
                client.recv(BLOCK)
        sidelock.wait_for_outcome("app_refused")


def test_the_app_is_connected_to_once_the_hello_is_whole_and_not_before(run, echo_app):
    with run(echo_app.port, "--connect-first") as sidelock:
        with connect(sidelock.port), connect(sidelock.port) as half, connect(sidelock.port) as client:
            hello = client_hello()
            half.sendall(hello[:-1])
            client.sendall(hello)
            assert client.recv(BLOCK).startswith(b"\x16\x03")
            wait_until(lambda: echo_app.seen, "the app has been connected to")
            assert [seen.count for seen in echo_app.seen] == [0]


def test_bytes_flow_as_ever(run, echo_app):
    with run(echo_app.port, "--connect-first", "--max-handshakes", "1") as sidelock:
        with connect_tls(sidelock.port) as client:
            data = apps.pattern(1 << 20)
            client.sendall(data[:100])
            assert receive_exactly(client, 100) == data[:100]
            client.unwrap()
        sidelock.wait_for_outcome("ok")


def test_a_failed_handshake_is_a_reset_for_the_app(run):
    with apps.App(apps.sink) as app, run(app.port, "--connect-first", "--alpn", "h2") as sidelock:
        with pytest.raises(ssl.SSLError):
            connect_tls(sidelock.port, tls=context(alpn=["http/1.1"]))
        assert app.connection().wait().end == "reset"
        sidelock.wait_for_outcome("no_application_protocol")


def test_plain_text_does_not_reach_for_the_app(run, echo_app):
    with run(echo_app.port, "--connect-first") as sidelock:
        with connect(sidelock.port) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert wait_for_end(plain) == "reset"
        sidelock.wait_for_outcome("plaintext")
        assert echo_app.seen == []


def test_it_is_a_setting_of_one_port_too(run, free_port):
    first, other = free_port(), free_port()
    with run(free_port(), "--port-policy", f"{first}:connect-first=on", port=first) as sidelock:
        with connect(first) as client:
            client.sendall(client_hello())
            with pytest.raises(ConnectionResetError):
                client.recv(BLOCK)
        sidelock.wait_for_outcome("app_refused")
    with run(free_port(), port=other):
        with connect(other) as client:
            client.sendall(client_hello())
            assert client.recv(BLOCK).startswith(b"\x16\x03")
