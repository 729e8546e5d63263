"""--preserve-source: the app sees the client's own address and port, over loopback."""

import pathlib
import re

import pytest

from support import apps
from support.captured import CLIENT4, CLIENT6, POD4, POD6, captured_runs, run_captured
from support.client import RawTls, connect, connect_tls, receive_exactly, wait_for_end
from support.process import threads_capabilities

pytestmark = pytest.mark.netns
NOTHING = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
NET_RAW_ONLY = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all,+net_raw",
                "--ambient-caps=-all,+net_raw", "--bounding-set=-all,+net_raw", "--no-new-privs")
NET_RAW = 1 << 13


@pytest.fixture
def captured(lab, readable_tls_folder, tmp_path):
    """captured("prefer", ...) -> a ready run with rules for port 80 and the routing."""
    with captured_runs(lab.pod, readable_tls_folder, tmp_path, "--ports", "80", "--preserve-source") as start:
        yield start


@pytest.fixture
def app(lab):
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        yield app


def exchange(client, data=b"ping"):
    client.sendall(data)
    assert receive_exactly(client, len(data)) == data


def peer(seen):
    return seen.peer[0].removeprefix("::ffff:"), seen.peer[1]


@pytest.mark.parametrize("address, client_address", [(POD4, CLIENT4), (POD6, CLIENT6)])
@pytest.mark.parametrize("rule, mode", [("prefer", "redirect"), ("require", "redirect"), ("require", "tproxy")])
def test_the_app_sees_the_clients_address_and_port(lab, app, captured, backend, rule, mode, address, client_address):
    with captured(rule, "--capture", mode, "--backend", backend) as sidelock:
        with connect_tls(80, address, namespace=lab.client.name) as client:
            exchange(client, apps.pattern(1 << 20))
            assert peer(app.connection()) == (client_address, client.getsockname()[1])
            client.unwrap()
        assert sidelock.wait_for_outcome("ok")["upstream.source_preserved"] is True


def test_an_app_at_loopback_alone_is_served(lab, captured):
    with apps.App(apps.echo, port=80, namespace=lab.pod.name) as app, captured("require"):
        with connect_tls(80, POD4, namespace=lab.client.name) as client:
            exchange(client)
            client.unwrap()
        assert peer(app.connection())[0] == CLIENT4


def test_the_same_port_towards_two_addresses_of_the_pod_keeps_the_address(lab, app, captured):
    lab.pod.run("ip", "address", "add", "10.77.0.3/24", "dev", "eth0")
    with captured("require"):
        first = connect_tls(80, POD4, namespace=lab.client.name, source_port=40001)
        exchange(first)
        second = connect_tls(80, "10.77.0.3", namespace=lab.client.name, source_port=40001)
        exchange(second)
        assert peer(app.connection(0)) == (CLIENT4, 40001)
        assert peer(app.connection(1))[0] == CLIENT4 and peer(app.connection(1))[1] != 40001
        for client in (first, second):
            client.unwrap()
            client.close()


def test_a_client_port_that_only_root_may_bind_is_exchanged_and_the_address_kept(lab, app, captured):
    with captured("require"):
        with connect_tls(80, POD4, namespace=lab.client.name, source_port=81) as client:
            exchange(client)
            address, port = peer(app.connection())
            assert address == CLIENT4 and port > 1023
            client.unwrap()


def test_a_client_that_reuses_its_port_at_once_is_served(lab, app, captured):
    with captured("require"):
        for _ in range(5):
            client = RawTls(80, POD4, namespace=lab.client.name, source_port=40002)
            client.send(b"ping")
            assert client.receive_exactly(4) == b"ping"
            client.reset()
        for index in range(5):
            assert peer(app.connection(index).wait())[0] == CLIENT4


def test_three_hundred_clients_at_a_time_keep_theirs(lab, app, captured):
    with captured("require"):
        clients = [connect_tls(80, POD4, namespace=lab.client.name) for _ in range(300)]
        for client in clients:
            exchange(client)
        expected = {(CLIENT4, client.getsockname()[1]) for client in clients}
        assert {peer(seen) for seen in app.seen} == expected
        for client in clients:
            client.unwrap()
            client.close()


def link_local(lab):
    """The pod's link-local address, as the client dials it."""
    text = lab.pod.run("ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link").stdout
    return text.split()[3].split("/")[0] + "%eth0"


def test_a_link_local_client_is_served_without_its_address_and_counted(lab, app, captured):
    with captured("prefer") as sidelock:
        with connect_tls(80, link_local(lab), namespace=lab.client.name) as client:
            exchange(client)
            client.unwrap()
        assert peer(app.connection())[0] == "::1"
        assert sidelock.wait_for_outcome("ok")["upstream.source_preserved"] is False


def test_a_link_local_client_is_refused_when_its_address_is_required(lab, app, captured):
    with captured("require") as sidelock:
        client = RawTls(80, link_local(lab), namespace=lab.client.name)
        assert client.wait_for_end() == "reset"
        client.close()
        line = sidelock.wait_for_outcome("app_unreachable")
        assert line["upstream.source_preserved"] is False and "cannot be kept" in line["error.message"]
        assert app.seen == []


def test_a_refusing_app_refuses_as_ever(lab, captured):
    with captured("prefer") as sidelock:
        client = RawTls(80, POD4, namespace=lab.client.name)
        assert client.wait_for_end() == "reset"
        client.close()
        sidelock.wait_for_outcome("app_refused")


def test_a_loop_is_known_although_it_comes_from_a_foreign_address(lab, captured):
    with captured("require") as sidelock:
        lab.pod.run("iptables-legacy", "-t", "nat", "-A", "OUTPUT", "-o", "lo", "-p", "tcp", "--dport", "80",
                    "-j", "REDIRECT", "--to-ports", "19100")
        client = RawTls(80, POD4, namespace=lab.client.name)
        assert client.wait_for_end() == "reset"
        client.close()
        sidelock.wait_for_outcome("loop")
        assert len(sidelock.wait_for_access(2)) == 2


def test_net_raw_alone_suffices_and_is_all_that_stays(lab, app, captured):
    with captured("require", prefix=NET_RAW_ONLY) as sidelock:
        with connect_tls(80, POD4, namespace=lab.client.name) as client:
            exchange(client)
            client.unwrap()
        assert set(threads_capabilities(sidelock.pid)) == {0, NET_RAW}


def test_of_all_capabilities_of_root_only_net_raw_stays(captured):
    with captured("require") as sidelock:
        assert set(threads_capabilities(sidelock.pid)) == {0, NET_RAW}


def test_the_main_thread_keeps_no_capability(captured):
    with captured("require") as sidelock:
        status = pathlib.Path(f"/proc/{sidelock.pid}/task/{sidelock.pid}/status").read_text()
        assert int(re.search(r"^CapPrm:\t(\w+)$", status, re.M)[1], 16) == 0


def test_without_net_raw_run_says_so_and_ends_with_three(lab, readable_tls_folder, tmp_path):
    with run_captured(lab.pod, readable_tls_folder, tmp_path / "run.log", "--ports", "80", "--preserve-source", "prefer",
                      prefix=NOTHING, expected_errors=("--preserve-source",)) as sidelock:
        assert sidelock.wait() == 3
        assert any("NET_RAW" in message for message in sidelock.messages())


def test_plain_text_is_refused_as_ever(lab, app, captured):
    with captured("require") as sidelock:
        plain = connect(80, POD4, namespace=lab.client.name)
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert wait_for_end(plain) == "reset"
        plain.close()
        sidelock.wait_for_outcome("plaintext")
        assert app.seen == []
