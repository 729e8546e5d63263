"""How many system calls a request, a connection and a byte cost. nginx 1.22 makes 5.4 for a request among 64
connections, 33 for a connection, and 154 and 128 for a MiB down and up."""

import ssl

from counting import per_unit, system_calls
from support import apps
from support.client import connect, context, receive_exactly
from work import MIB, connections, download, requests, upload


def count(run, app, trace, work, few, many):
    """System calls for each unit of `work`; names them when the test fails."""
    counted = [system_calls(run, app.port, trace, work(units)) for units in (few, many)]
    found = per_unit(*counted, many - few)
    print(found)
    return sum(found.values())


def test_a_request_alone_costs_two_waits_two_receives_and_two_sends(run, echo_app, tmp_path):
    # The client's record and the app's answer each wake the worker, are received by one call and sent by one.
    assert count(run, echo_app, tmp_path / "trace", requests, 10, 210) < 6.1


def test_the_last_message_of_a_handshake_is_acknowledged_at_once(run, echo_app, tmp_path):
    # Else a client with Nagle's algorithm holds its first request back for 40 ms.
    trace = tmp_path / "trace"
    system_calls(run, echo_app.port, trace, connections(5))
    assert trace.read_text().count("TCP_QUICKACK, [1]") == 5


def test_so_is_the_last_message_of_a_session_resumed_under_tls_1_2(run, echo_app, tmp_path):
    tls = context(version=ssl.TLSVersion.TLSv1_2)
    session = None

    def visit(sidelock):
        nonlocal session
        plain = connect(sidelock.port)
        with tls.wrap_socket(plain, server_hostname="localhost", session=session) as client:
            session = client.session
            client.sendall(b"x")
            assert receive_exactly(client, 1) == b"x"
            client.unwrap()

    trace = tmp_path / "trace"
    system_calls(run, echo_app.port, trace, lambda sidelock: [visit(sidelock) for _ in range(4)])
    assert trace.read_text().count("TCP_QUICKACK, [1]") == 3  # in the first visit we spoke last


def test_a_connection_costs_few_system_calls(run, echo_app, tmp_path):
    # 39 to 40, as packets fall together. Four getpid(2) are OpenSSL's, which looks for a fork before each use of its
    # random numbers; eight are waits, of which a busy worker needs fewer.
    assert count(run, echo_app, tmp_path / "trace", connections, 2, 42) < 42


def test_a_mebibyte_down_leaves_in_large_pieces(run, tmp_path):
    counted = []
    for mebibytes in (4, 36):
        with apps.App(apps.source(bytes(mebibytes * MIB))) as app:
            counted.append(system_calls(run, app.port, tmp_path / "trace", download(mebibytes)))
    # About 12 with a fast peer. Without gathering records it would be 130, with a 64 KiB buffer 36.
    found = per_unit(*counted, 32)
    assert sum(found.values()) < 24, found


def test_a_mebibyte_up_is_taken_in_large_pieces(run, tmp_path):
    with apps.App(apps.sink) as app:
        assert count(run, app, tmp_path / "trace", upload, 4, 36) < 24
