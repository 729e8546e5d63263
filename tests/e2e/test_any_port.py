"""--ports '*': every port is protected, and what the pod itself connects to keeps working."""

import pytest

from support import apps
from support.captured import CLIENT4, POD4, POD6, init_and_run
from support.client import connect, connect_tls, receive_exactly, wait_for_end

pytestmark = pytest.mark.netns


@pytest.fixture(params=["redirect", "tproxy"])
def captured(request, lab, backend, tls_folder, tmp_path):
    settings = ("--capture", request.param, "--backend", backend, "--ports", "*", "--port-policy", "81:alpn=h2")
    with init_and_run(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
        sidelock.mode = request.param
        yield sidelock.wait_until_ready()


def app_in(lab, port):
    return apps.App(apps.echo, address="::", port=port, namespace=lab.pod.name)


def test_a_port_that_nobody_named_is_served_and_never_in_plain(lab, captured):
    for port in (1, 80, 19099, 19101, 32767, 61000, 65535):
        with app_in(lab, port) as app:
            for address in (POD4, POD6):
                with connect_tls(port, address, namespace=lab.client.name) as client:
                    client.sendall(b"ping")
                    assert receive_exactly(client, 4) == b"ping"
                    client.unwrap()
                with connect(port, address, namespace=lab.client.name) as plain:
                    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    assert wait_for_end(plain) == "reset"
            assert len(app.seen) == 2
    served = [(line["server.port"], line["upstream.address"].rsplit(":", 1)[1])
              for line in captured.access() if line["outcome"] == "ok"]
    assert sorted(set(served)) == [(port, str(port)) for port in (1, 80, 19099, 19101, 32767, 61000, 65535)]


def test_our_own_ports_are_no_apps(lab, captured):
    with pytest.raises(ConnectionRefusedError):
        connect(19100, POD4, namespace=lab.client.name)


def test_the_pods_own_connections_keep_working_also_from_a_captured_port(lab, captured):
    with apps.App(apps.echo, address=CLIENT4, port=5432, namespace=lab.client.name):
        for source_port in (0, 80, 8080, 32767):
            if source_port and captured.mode == "tproxy":
                # Said in the docs: the answers look like a client's.
                with pytest.raises(OSError):
                    connect(5432, CLIENT4, namespace=lab.pod.name, source_port=source_port, timeout=1)
                continue
            with connect(5432, CLIENT4, namespace=lab.pod.name, source_port=source_port) as client:
                client.sendall(b"ping")
                assert receive_exactly(client, 4) == b"ping"


def test_run_says_what_a_shared_capture_port_costs(captured):
    warnings = [line["message"] for line in captured.lines() if line["level"] == "warning"]
    assert any("share capture port 19100" in warning for warning in warnings) == (captured.mode == "redirect")
