"""A connection of sidelock's own that comes back to it is refused; a client that happens to use the same port is not."""

import pytest

from support import apps
from support.client import RawTls, connect_tls, receive_exactly
from support.waiting import wait_until

pytestmark = pytest.mark.netns


def test_a_connection_that_a_rule_leads_back_to_us_is_refused(lab, run):
    lab.pod.run("iptables-legacy", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "9000", "-j", "REDIRECT", "--to-ports", "8443")
    with run(9000, port=8443, prefix=lab.pod.prefix) as sidelock:
        client = RawTls(8443, namespace=lab.pod.name)
        assert client.wait_for_end() == "reset"
        client.close()
        wait_until(lambda: "loop" in {line["outcome"] for line in sidelock.access()}, "the loop to be refused")
        assert {line["outcome"] for line in sidelock.wait_for_access(2)} <= {"loop", "app_refused", "app_reset"}
        assert len(sidelock.access()) == 2


def test_clients_with_the_port_numbers_of_our_own_connections_are_served(lab, run):
    # With four ports for everybody, four clients and our four connections to the app use the same ones.
    lab.pod.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40003")
    with apps.App(apps.echo, port=9000, namespace=lab.pod.name) as app, run(9000, port=8443, prefix=lab.pod.prefix) as sidelock:
        clients = [connect_tls(8443, namespace=lab.pod.name) for _ in range(4)]
        for client in clients:
            client.sendall(b"served")
            assert receive_exactly(client, 6) == b"served"
        for client in clients:
            client.unwrap()
            client.close()
        assert {seen.peer[1] for seen in app.seen} == {40000, 40001, 40002, 40003}
        assert [line["outcome"] for line in sidelock.wait_for_access(4)] == ["ok"] * 4
