"""Every way of capturing, by either backend: the same service for clients outside, the same freedom for the pod."""

import itertools
import socket

import pytest

from support import apps
from support.captured import CLIENT4, CLIENT6, POD4, POD6, cleanup, init, run_captured, saved_rules
from support.client import connect, connect_tls, context, receive_exactly, wait_for_end

pytestmark = pytest.mark.netns
WAYS = list(itertools.product(("redirect", "tproxy"), ("iptables", "nftables"), ("80", "*")))


@pytest.fixture(params=WAYS, ids="-".join)
def way(request):
    mode, backend, ports = request.param
    return ("--capture", mode, "--backend", backend, "--ports", ports)


@pytest.fixture
def app(lab):
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        yield app


@pytest.fixture
def captured(lab, way, tls_folder, tmp_path):
    done = init(lab.pod, *way)
    assert done.returncode == 0, done
    with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *way) as sidelock:
        yield sidelock.wait_until_ready()


def ask(lab, address, authority):
    with connect_tls(80, address, namespace=lab.client.name, tls=context(authority)) as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"
        client.unwrap()


def conntrack_entries(namespace):
    return int(namespace.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count").stdout)


def test_clients_get_tls_and_plain_text_gets_nowhere(lab, app, captured, authority):
    for index, address in enumerate((POD4, POD6)):
        ask(lab, address, authority)
        app.connection(index).wait()
        plain = connect(80, address, namespace=lab.client.name)
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert wait_for_end(plain) == "reset"
        plain.close()
    assert len(captured.wait_for_access(4)) == 4
    assert len(app.seen) == 2


def test_tproxy_tracks_no_connection(lab, app, captured, authority, way):
    ask(lab, POD4, authority)
    ask(lab, POD6, authority)
    assert (conntrack_entries(lab.pod) == 0) == ("tproxy" in way)


def test_a_capture_port_is_hidden_from_outside_by_the_kernel(lab, app, captured, authority):
    for address in (POD4, POD6):
        with pytest.raises(ConnectionRefusedError):
            connect(19100, address, namespace=lab.client.name)
        ask(lab, address, authority)
    # Whatever run had been asked would have a line of its own.
    assert [line["outcome"] for line in captured.wait_for_access(2)] == ["ok", "ok"]


def outgoing(lab, address, source_port):
    """From the pod to a server outside, from the given port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def open_connection():
        client = socket.socket(family, socket.SOCK_STREAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.settimeout(10)
        client.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", source_port))
        client.connect((address, 7000))
        return client

    with lab.pod.enter(open_connection) as client:
        client.sendall(b"out")
        assert receive_exactly(client, 3) == b"out"


def test_the_pods_own_connections_go_out_as_before(lab, captured, way):
    with apps.App(apps.echo, address="::", port=7000, namespace=lab.client.name):
        for address in (CLIENT4, CLIENT6):
            outgoing(lab, address, 0)
            # TPROXY looks at a packet alone, and cannot tell an answer to a captured port from a client's packet.
            if "redirect" in way:
                outgoing(lab, address, 80)


def test_the_app_sees_the_clients_address_with_the_routing_of_init(lab, way, tls_folder, tmp_path, authority):
    settings = (*way, "--preserve-source", "require")
    assert init(lab.pod, *settings).returncode == 0
    with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
        sidelock.wait_until_ready()
        with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
            for index, (address, client) in enumerate(((POD4, CLIENT4), (POD6, CLIENT6))):
                ask(lab, address, authority)
                assert app.connection(index).wait().peer[0].removeprefix("::ffff:") == client


def test_cleanup_leaves_nothing_of_it(lab, way):
    settings = (*way, "--preserve-source", "require")
    assert init(lab.pod, *settings).returncode == 0
    assert "19132" in lab.pod.run("ip", "rule").stdout
    assert cleanup(lab.pod).returncode == 0
    left = [saved_rules(lab.pod), *(lab.pod.run(*command).stdout for command in (
        ("nft", "list", "ruleset"), ("ip", "rule"), ("ip", "-6", "rule"), ("ip", "route", "show", "table", "all")))]
    assert not any(word in text for text in left for word in ("SIDELOCK", "sidelock", "19132"))
