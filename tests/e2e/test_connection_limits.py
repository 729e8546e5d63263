"""--max-connections, --max-connections-per-client, --max-handshakes and a low descriptor limit."""

import time

import pytest

from support import apps
from support.client import client_hello, connect, connect_tls, is_reset, receive_exactly
from support.process import run_command


def open_connections(sidelock, count):
    clients = []
    for _ in range(count):
        client = connect_tls(sidelock.port)
        client.sendall(b"x")
        assert receive_exactly(client, 1) == b"x"
        clients.append(client)
    return clients


def close_all(clients):
    for client in clients:
        client.unwrap()
        client.close()


def test_what_exceeds_the_limit_is_reset_at_once(run, echo_app):
    with run(echo_app.port, "--max-connections", "3") as sidelock:
        clients = open_connections(sidelock, 3)
        assert is_reset(sidelock.port)
        close_all(clients)
        sidelock.wait_for_access(3)
        close_all(open_connections(sidelock, 1))


def test_with_when_full_wait_a_client_waits_for_its_turn(run, echo_app):
    with run(echo_app.port, "--max-connections", "2", "--when-full", "wait") as sidelock:
        clients = open_connections(sidelock, 2)
        waiting = connect(sidelock.port)
        assert len(echo_app.seen) == 2
        close_all(clients)
        waiting.close()
        close_all(open_connections(sidelock, 2))


def test_one_client_address_may_not_take_all(run, echo_app):
    with run(echo_app.port, "--max-connections-per-client", "2") as sidelock:
        clients = open_connections(sidelock, 2)
        assert is_reset(sidelock.port)
        close_all(clients[:1])
        sidelock.wait_for_access(1)
        close_all(open_connections(sidelock, 1) + clients[1:])


def test_handshakes_wait_for_each_other_and_all_are_served(run, echo_app):
    with run(echo_app.port, "--max-handshakes", "1") as sidelock:
        # These take no place: their ClientHello is not whole.
        silent = [connect(sidelock.port) for _ in range(5)]
        for client in silent:
            client.sendall(b"\x16\x03\x01\x02\x00")
        close_all(open_connections(sidelock, 5))
        for client in silent:
            client.close()


def test_clients_that_stall_in_the_handshake_keep_nobody_out(run, echo_app):
    with run(echo_app.port, "--max-connections", "512", "--workers", "1") as sidelock:  # 64 handshakes at a time
        stalled = [connect(sidelock.port) for _ in range(64)]
        hello = client_hello()
        for client in stalled:
            client.sendall(hello)
        for client in stalled:
            assert client.recv(1) == b"\x16"  # it was this client's turn
        close_all(open_connections(sidelock, 1))
        assert [line["outcome"] for line in sidelock.wait_for_access(1)] == ["ok"]
        for client in stalled:
            client.close()


@pytest.mark.alone
def test_with_few_descriptors_it_neither_spins_nor_stops(run, echo_app):
    # 32 are kept for the process itself; the rest holds a handful of connections.
    with run(echo_app.port, "--when-full", "wait", prefix=("prlimit", "--nofile=60:60")) as sidelock:
        clients = []
        for _ in range(60):
            clients.append(connect(sidelock.port))
        before = sidelock.cpu_ticks()
        time.sleep(1)  # the interval over which processor time is counted
        assert sidelock.cpu_ticks() - before <= 5
        assert sidelock.access() == []
        for client in clients:
            client.close()
        close_all(open_connections(sidelock, 3))


def test_a_limit_beyond_the_descriptors_is_a_usage_error(tls_folder, free_port):
    done = run_command(["run", "--capture", "none", "--listen", f"127.0.0.1:{free_port()}=127.0.0.1:1", "--tls-dir", str(tls_folder),
                        "--max-connections", "1000"], prefix=("prlimit", "--nofile=100:100"))
    assert done.returncode == 2, done
    assert "max-connections" in done.stdout + done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_named_even_when_another_sidelock_has_it(run, echo_app, tls_folder, workers):
    with run(echo_app.port, "--workers", workers) as sidelock:
        done = run_command(["run", "--capture", "none", "--listen", f"127.0.0.1:{sidelock.port}=127.0.0.1:1", "--tls-dir",
                            str(tls_folder), "--workers", workers])
        assert done.returncode == 1, done
        assert f"127.0.0.1:{sidelock.port}: Address already in use" in done.stdout + done.stderr
