"""Packets that no ordinary client sends are captured like all others: never plain text to the app."""

import socket

import pytest

from support import apps, conntrack_table
from support.captured import POD4, POD6, init_and_run
from support.client import connect, connect_tls, receive_exactly
from support.namespaces import Namespace, ip
from support.waiting import wait_until
from support.wire import ACK, PSH, Wire

pytestmark = pytest.mark.netns
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


@pytest.fixture(params=["redirect", "tproxy"])
def captured(request, lab, backend, tls_folder, tmp_path):
    settings = ("--capture", request.param, "--backend", backend, "--ports", "80")
    with init_and_run(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
        sidelock.mode = request.param
        yield sidelock.wait_until_ready()


@pytest.fixture
def app(lab):
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        yield app


@pytest.fixture
def wire(lab):
    made = []

    def make(destination, **options):
        made.append(Wire(lab, destination, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def speak_plainly(wire, send):
    wire.connect(send)
    send(wire.segment(PSH | ACK, REQUEST))
    wire.wait_for_reset()


def test_behind_ipv6_extension_headers(app, captured, wire):
    client = wire(POD6)
    speak_plainly(client, client.send_behind_extensions)
    captured.wait_for_outcome("plaintext")
    assert app.seen == []


@pytest.mark.parametrize("address", [POD4, POD6])
def test_in_fragments(app, captured, wire, address):
    client = wire(address)
    client.options = b"\1" * 20  # no operation: only for there to be something to cut
    identifications = iter(range(1, 100))
    speak_plainly(client, lambda segment: client.send_in_fragments(segment, next(identifications)))
    captured.wait_for_outcome("plaintext")
    assert app.seen == []


@pytest.mark.parametrize("address", [POD4, POD6])
def test_tcp_fast_open(lab, captured, address):
    for namespace in (lab.client, lab.pod):
        # Client and server, without a cookie, for every listener.
        namespace.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=0x607")
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        app.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with lab.client.enter(lambda: socket.socket(family)) as client:
            client.settimeout(30)
            with pytest.raises(ConnectionResetError):
                client.sendto(REQUEST, socket.MSG_FASTOPEN, (address, 80))
                while client.recv(100):
                    pass
        captured.wait_for_outcome("plaintext")
        assert app.seen == []


def test_to_loopback_from_outside_with_route_localnet(lab, app, captured, wire):
    lab.pod.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
    client = wire("127.0.0.1")
    client.connect(client.send_packet)
    client.wait_for_reset()
    captured.wait_for_outcome("foreign_destination")
    assert app.seen == []


@pytest.mark.parametrize("family, address", [("-4", "10.77.0.3"), ("-6", "fd77::3")])
def test_to_an_address_added_after_the_start(lab, app, captured, family, address):
    lab.pod.run("ip", family, "address", "add", f"{address}/{24 if family == '-4' else 64}", "dev", "eth0",
                *(["nodad"] if family == "-6" else []))
    with connect(80, address, namespace=lab.client.name) as plain:
        plain.sendall(REQUEST)
        with pytest.raises(ConnectionResetError):
            plain.recv(100)
    captured.wait_for_outcome("plaintext")
    assert app.seen == []
    with connect_tls(80, address, namespace=lab.client.name) as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"
        client.unwrap()


@pytest.fixture
def inner(lab):
    """A container inside the pod, as Docker in Docker makes them: its port 8080 published as the pod's port 80."""
    container = Namespace("inner")
    try:
        ip("link", "add", "eth0", "netns", container.name, "type", "veth", "peer", "name", "docker0", "netns", lab.pod.name)
        for namespace, device, address in ((container, "eth0", "172.17.0.2/16"), (lab.pod, "docker0", "172.17.0.1/16")):
            ip("-n", namespace.name, "address", "add", address, "dev", device)
            ip("-n", namespace.name, "link", "set", device, "up")
        container.run("ip", "route", "add", "default", "via", "172.17.0.1")
        lab.pod.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        lab.pod.run("iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "80", "-m", "addrtype",
                    "--dst-type", "LOCAL", "-j", "DNAT", "--to", "172.17.0.2:8080")
        yield container
    finally:
        container.remove()


def test_a_port_that_docker_in_docker_publishes_is_not_reached_in_plain(lab, app, captured, inner):
    with apps.App(apps.echo, address="172.17.0.2", port=8080, namespace=inner.name) as published:
        # Under redirect our rule decides first. Under tproxy theirs comes after it, and then the kernel drops the packet,
        # because what belongs to a socket is not forwarded.
        expected = ConnectionResetError if captured.mode == "redirect" else TimeoutError
        with pytest.raises(expected):
            with connect(80, POD4, namespace=lab.client.name, timeout=2) as plain:
                plain.sendall(REQUEST)
                plain.recv(100)
        assert app.seen == [] and published.seen == []


def test_a_full_conntrack_table_lets_nobody_in(lab, app, captured):
    conntrack_table.fill(lab.pod)
    if captured.mode == "redirect":
        def is_refused():
            conntrack_table.top_up(lab.pod)
            try:
                connect(80, POD4, namespace=lab.client.name, timeout=2).close()
            except OSError:
                return True
            return False  # an older entry has expired in between and made room for this one
        wait_until(is_refused, "a connection to be refused")
        assert app.seen == []
    else:
        # Nothing is tracked, so nothing is missed.
        with connect_tls(80, POD4, namespace=lab.client.name) as client:
            client.sendall(b"ping")
            assert receive_exactly(client, 4) == b"ping"
            client.unwrap()


def test_a_segment_of_no_connection_reaches_nobody(app, captured, wire):
    stray = wire(POD4)
    stray.acknowledged = 5
    stray.send_packet(stray.segment(PSH | ACK, REQUEST))
    client = wire(POD4, source_port=5556)
    speak_plainly(client, client.send_packet)
    captured.wait_for_outcome("plaintext")
    assert app.seen == []
