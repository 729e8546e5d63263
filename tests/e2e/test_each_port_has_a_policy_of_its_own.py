"""--port-policy: what holds on one port, and not on its neighbour."""

import ssl

import pytest

from support import apps
from support.captured import POD4, cleanup, init, run_captured
from support.client import RawTls, connect, connect_tls, context


def chosen_protocol(port, offer, **options):
    with connect_tls(port, tls=context(alpn=offer), **options) as client:
        protocol = client.selected_alpn_protocol()
        client.unwrap()
        return protocol


def test_a_listener_goes_by_the_policy_of_its_port(run, echo_app, free_port):
    other = free_port()
    with run(echo_app.port, "--alpn", "http/1.1", "--port-policy", f"{other}:alpn=h2,alpn=http/1.1,on-truncation=reset",
             more_ports=[other]) as sidelock:
        assert chosen_protocol(other, ["http/1.1", "h2"]) == "h2"
        assert chosen_protocol(sidelock.port, ["http/1.1", "h2"]) == "http/1.1"
        for port, end in ((other, "reset"), (sidelock.port, "fin")):
            client = RawTls(port, tls=context(alpn=["http/1.1"]))
            client.send(b"x")
            client.receive_exactly(1)
            client.close()  # bare: without close_notify
            assert echo_app.connection(len(echo_app.seen) - 1).wait().end == end


def test_a_session_of_one_port_does_not_carry_its_protocol_to_another(run, echo_app, free_port):
    other = free_port()
    with run(echo_app.port, "--port-policy", f"{other}:alpn=h2", more_ports=[other]) as sidelock:
        tls = context(alpn=["http/1.1"])
        with connect_tls(sidelock.port, tls=tls) as first:
            first.sendall(b"x")
            first.recv(1)
            session = first.session
            first.unwrap()
        plain = connect(other)
        with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
            tls.wrap_socket(plain, server_hostname="localhost", session=session)
        plain.close()
        sidelock.wait_for_outcome("no_application_protocol")


@pytest.mark.netns
def test_a_captured_port_goes_by_its_policy(lab, tls_folder, tmp_path):
    with apps.App(apps.echo, address="0.0.0.0", port=8080, namespace=lab.pod.name), \
         apps.App(apps.echo, address="127.0.0.1", port=9090, namespace=lab.pod.name):
        settings = ["--ports", "8080,9090", "--port-policy", "9090:upstream=loopback,alpn=postgresql"]
        assert init(lab.pod, *settings).returncode == 0
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
            sidelock.wait_until_ready()
            for port, offer in ((8080, "http/1.1"), (9090, "postgresql")):
                assert chosen_protocol(port, [offer], address=POD4, namespace=lab.client.name) == offer
            lines = sidelock.wait_for_access(2)
            assert [line["upstream.address"] for line in lines] == [f"{POD4}:8080", "127.0.0.1:9090"]
        assert cleanup(lab.pod).returncode == 0
