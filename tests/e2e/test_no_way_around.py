"""Odd ways to a captured port: fragments, extension headers, Fast Open, localhost from outside, other people's DNAT."""

import re
import socket
import struct

import pytest

from support import apps
from support.captured import CLIENT4, POD4, POD6, init, run_captured
from support.client import connect, connect_tls, is_reset, receive_exactly, wait_for_end
from support.waiting import wait_until

pytestmark = pytest.mark.netns


@pytest.fixture
def served(lab, tls_folder, tmp_path):
    """A pod with an app on port 80, rules and a ready run; the app."""
    assert init(lab.pod, "--ports", "80").returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80") as sidelock:
            app.sidelock = sidelock.wait_until_ready()
            yield app


def plain_text_is_refused(app, client):
    """What this connection says in plain text does not reach the app."""
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert wait_for_end(client) == "reset"
    client.close()
    app.sidelock.wait_for_outcome("plaintext")
    assert app.seen == []


def test_ipv6_extension_headers_hide_nothing(lab, served):
    def dial():
        client = socket.socket(socket.AF_INET6)
        # A destination options header with padding in it, before TCP.
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
        client.settimeout(30)
        client.connect((POD6, 80))
        return client
    plain_text_is_refused(served, lab.client.enter(dial))


def test_data_in_the_first_packet_is_captured_with_it(lab, served):
    for namespace in (lab.client, lab.pod):
        namespace.run("sysctl", "-qw", "net.ipv4.tcp_fastopen=1539")  # both sides, without a cookie, for every listener

    def dial():
        client = socket.socket()
        client.sendto(b"GET / HTTP/1.0\r\n\r\n", socket.MSG_FASTOPEN, (POD4, 80))
        client.settimeout(30)
        return client
    client = lab.client.enter(dial)
    assert wait_for_end(client) == "reset"
    client.close()
    served.sidelock.wait_for_outcome("plaintext")
    assert served.seen == []


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def test_a_first_packet_in_fragments_is_captured(lab, served):
    """The first fragment of the SYN ends inside the TCP header."""
    source, target = socket.inet_aton(CLIENT4), socket.inet_aton(POD4)
    header = struct.pack("!HHIIBBHHH", 45678, 80, 1000, 0, 5 << 4, 0x02, 1000, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(header))
    header = header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]

    def fragment(offset, data, has_more):
        place = (0x2000 if has_more else 0) | offset // 8
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 4242, place, 64, 6, 0, source, target) + data

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(fragment(0, header[:8], True), (POD4, 0))
            raw.sendto(fragment(8, header[8:], False), (POD4, 0))
    lab.client.enter(send)

    def redirected():
        rules = lab.pod.run("iptables-legacy-save", "-c", "-t", "nat").stdout
        return int(re.search(r"\[(\d+):\d+\] -A SIDELOCK_IN .*--dport 80 .*REDIRECT", rules).group(1))
    wait_until(lambda: redirected() == 1, "the rule to take the fragments")
    assert served.seen == []


def test_localhost_from_outside_is_not_served(lab, served):
    # As on a node with route_localnet, which kube-proxy sets: the pod takes packets for 127.0.0.0/8 from the network.
    for namespace in (lab.client, lab.pod):
        namespace.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0")
    lab.client.run("ip", "route", "del", "table", "local", "local", "127.0.0.0/8", "dev", "lo")
    lab.client.run("ip", "route", "del", "table", "local", "local", "127.0.0.1", "dev", "lo")
    lab.client.run("ip", "route", "add", "127.0.0.0/8", "via", POD4, "src", CLIENT4)
    assert is_reset(80, "127.0.0.5", lab.client.name)
    served.sidelock.wait_for_outcome("foreign_destination")
    assert served.seen == []


def test_dnat_of_others_behind_ours_gets_nothing(lab, served):
    # As Docker in a pod publishes a port.
    for arguments in (("-N", "DOCKER"), ("-A", "PREROUTING", "-m", "addrtype", "--dst-type", "LOCAL", "-j", "DOCKER"),
                      ("-A", "DOCKER", "-p", "tcp", "--dport", "80", "-j", "DNAT", "--to-destination", f"{POD4}:80")):
        lab.pod.run("iptables-legacy", "-t", "nat", *arguments)
    plain_text_is_refused(served, connect(80, POD4, namespace=lab.client.name))
    with connect_tls(80, POD4, namespace=lab.client.name) as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"
        client.unwrap()
