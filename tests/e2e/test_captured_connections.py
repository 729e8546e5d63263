"""init and run in a pod: every client from outside gets TLS on the app's own port, IPv4 and IPv6, and nothing else."""

import socket

import pytest

from support import apps
from support.captured import CLIENT4, POD4, POD6, captured_runs, cleanup, init, run_captured, saved_rules
from support.client import RawTls, connect, connect_tls, context, is_reset, receive_exactly, wait_for_end

pytestmark = pytest.mark.netns


@pytest.fixture
def captured(lab, tls_folder, tmp_path):
    """captured(*settings) -> a ready run in the pod, after init with the same settings."""
    with captured_runs(lab.pod, tls_folder, tmp_path) as start:
        yield start


def app_in(lab, port, address="::", handler=apps.echo):
    return apps.App(handler, address=address, port=port, namespace=lab.pod.name)


def ask(lab, address, port=80, text=b"ping", authority=None, **options):
    """Sends text over TLS and expects it back."""
    with connect_tls(port, address, namespace=lab.client.name, tls=context(authority), **options) as client:
        client.sendall(text)
        assert receive_exactly(client, len(text)) == text
        client.unwrap()


@pytest.mark.parametrize("address", [POD4, POD6])
def test_a_client_reaches_the_app_over_verified_tls(lab, captured, authority, address):
    with app_in(lab, 80) as app, captured("--ports", "80") as sidelock:
        ask(lab, address, authority=authority)
        assert app.connection().wait().peer[0].removeprefix("::ffff:") == address
        line = sidelock.wait_for_outcome("ok")
        assert (line["server.address"], line["server.port"]) == (address, 80)


@pytest.mark.parametrize("address", [POD4, POD6])
def test_plain_text_from_outside_is_refused_and_never_reaches_the_app(lab, captured, address):
    with app_in(lab, 80) as app, captured("--ports", "80") as sidelock:
        plain = connect(80, address, namespace=lab.client.name)
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert wait_for_end(plain) == "reset"
        plain.close()
        sidelock.wait_for_outcome("plaintext")
        assert app.seen == []


def test_a_client_inside_the_pod_still_reaches_the_app_in_plain(lab, captured):
    with app_in(lab, 80), captured("--ports", "80"):
        for address in ("127.0.0.1", "::1", POD4, POD6):
            plain = connect(80, address, namespace=lab.pod.name)
            plain.sendall(b"hello")
            assert receive_exactly(plain, 5) == b"hello"
            plain.close()


def test_other_ports_are_left_alone(lab, captured):
    with app_in(lab, 80), app_in(lab, 81), captured("--ports", "80-82", "--exclude-ports", "81"):
        plain = connect(81, POD4, namespace=lab.client.name)
        plain.sendall(b"plain as ever")
        assert receive_exactly(plain, 13) == b"plain as ever"
        plain.close()
        ask(lab, POD4)


def test_excluded_sources_are_left_alone(lab, captured):
    with app_in(lab, 80), captured("--ports", "80", "--exclude-sources", f"{CLIENT4}/32"):
        plain = connect(80, POD4, namespace=lab.client.name)
        plain.sendall(b"plain")
        assert receive_exactly(plain, 5) == b"plain"
        plain.close()
        ask(lab, POD6)


@pytest.mark.parametrize("address", [POD4, POD6])
def test_a_direct_hit_on_a_capture_port_is_reset(lab, captured, address):
    with app_in(lab, 80) as app, captured("--ports", "80,81", "--hide-capture-ports", "off") as sidelock:
        for port in (19100, 19101):
            assert is_reset(port, address, lab.client.name)
        sidelock.wait_for_outcome("not_captured", count=2)
        assert app.seen == []


def test_a_connection_routed_through_the_pod_to_somebody_else_is_not_captured(lab, captured):
    lab.pod.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    lab.client.run("ip", "route", "add", "203.0.113.0/24", "via", POD4)
    lab.pod.run("ip", "route", "add", "unreachable", "203.0.113.0/24")
    with app_in(lab, 80) as app, captured("--ports", "80") as sidelock:
        with pytest.raises(OSError):
            connect(80, "203.0.113.5", namespace=lab.client.name).close()
        ask(lab, POD4)
        assert len(sidelock.wait_for_access(1)) == 1
        assert len(app.seen) == 1


def test_an_app_port_captured_by_other_rules_is_not_configured(lab, captured):
    with app_in(lab, 80), captured("--ports", "80") as sidelock:
        lab.pod.run("iptables-legacy", "-t", "nat", "-A", "SIDELOCK_IN", "-p", "tcp", "--dport", "99", "-j", "REDIRECT", "--to-ports", "19100")
        assert is_reset(99, POD4, lab.client.name)
        sidelock.wait_for_outcome("not_configured")


def test_one_source_port_towards_two_captured_ports_stays_the_same(lab, captured):
    with app_in(lab, 80), app_in(lab, 81), captured("--ports", "80,81") as sidelock:
        clients = [connect_tls(port, POD4, namespace=lab.client.name, source_port=45678) for port in (80, 81)]
        for client in clients:
            client.sendall(b"both")
            assert receive_exactly(client, 4) == b"both"
        for client in clients:
            client.unwrap()
            client.close()
        assert {(line["server.port"], line["client.port"]) for line in sidelock.wait_for_access(2)} == {(80, 45678), (81, 45678)}


APP_BINDS = ["0.0.0.0", "::", POD4, POD6, "127.0.0.1", "::1"]
REACHABLE = {  # app address -> upstream -> (IPv4 client is served, IPv6 client is served)
    "0.0.0.0": {"original": (True, False), "loopback": (True, False)},
    "::": {"original": (True, True), "loopback": (True, True)},
    POD4: {"original": (True, False), "loopback": (False, False)},
    POD6: {"original": (False, True), "loopback": (False, False)},
    "127.0.0.1": {"original": (False, False), "loopback": (True, False)},
    "::1": {"original": (False, False), "loopback": (False, True)},
}


@pytest.mark.parametrize("upstream", ["original", "loopback"])
@pytest.mark.parametrize("bind", APP_BINDS)
def test_the_app_is_reached_where_it_listens_and_nowhere_else(lab, captured, bind, upstream):
    with app_in(lab, 80, address=bind), captured("--ports", "80", "--upstream", upstream):
        for address, is_served in zip((POD4, POD6), REACHABLE[bind][upstream]):
            if is_served:
                ask(lab, address)
            else:
                client = RawTls(80, address, namespace=lab.client.name)
                assert client.wait_for_end() == "reset"
                client.close()


def test_upstream_may_be_an_address_and_ports_may_be_mapped(lab, captured):
    with app_in(lab, 8080, address="127.0.0.1") as app, captured("--ports", "443", "--map", "443:8080", "--upstream", "127.0.0.1"):
        for address in (POD4, POD6):
            ask(lab, address, port=443)
        assert len(app.seen) == 2


def test_many_ports_are_captured_by_range(lab, captured):
    with app_in(lab, 8001), app_in(lab, 8137), captured("--ports", "8000-8199"):
        for port in (8001, 8137):
            ask(lab, POD4, port=port)
            ask(lab, POD6, port=port)
        client = RawTls(8100, POD4, namespace=lab.client.name)
        assert client.wait_for_end() == "reset"  # nobody listens there
        client.close()


def test_an_invalid_segment_does_not_reset_a_good_connection(lab, captured):
    with app_in(lab, 80, address="0.0.0.0"), captured("--ports", "80"):
        client = connect_tls(80, POD4, namespace=lab.client.name)
        client.sendall(b"before")
        assert receive_exactly(client, 6) == b"before"
        send_out_of_window(lab, client.getsockname()[1])
        client.sendall(b"after")
        assert receive_exactly(client, 5) == b"after"
        client.unwrap()
        client.close()


def send_out_of_window(lab, source_port):
    """A segment of that connection far outside its window, as a broken middlebox would send it."""
    import struct

    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total >> 16) + (total & 0xFFFF)
        return ~(total + (total >> 16)) & 0xFFFF

    source, target = socket.inet_aton(CLIENT4), socket.inet_aton(POD4)
    for sequence in range(0, 1 << 32, 1 << 29):
        header = struct.pack("!HHIIBBHHH", source_port, 80, sequence, 12345, 5 << 4, 0x10, 1000, 0, 0)
        pseudo = source + target + struct.pack("!BBH", 0, 6, len(header))
        header = header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]

        def send(packet=header):
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
                raw.sendto(packet, (POD4, 0))
        lab.client.enter(send)


def test_a_plain_connection_from_before_init_does_not_go_on_in_plain(lab, captured):
    # Connection tracking begins with init: the next segment of an older connection is new to it, and is redirected.
    with app_in(lab, 80, address="0.0.0.0") as app:
        old = connect(80, POD4, namespace=lab.client.name)
        old.sendall(b"plain")
        assert receive_exactly(old, 5) == b"plain"
        with captured("--ports", "80"):
            try:
                old.sendall(b"still plain?")
                assert old.recv(100) == b""
            except ConnectionResetError:
                pass
            old.close()
            assert app.connection().head == b"plain"


def test_after_cleanup_clients_reach_the_app_in_plain_again(lab, captured):
    before = saved_rules(lab.pod)
    with app_in(lab, 80), captured("--ports", "80"):
        ask(lab, POD4)
    assert cleanup(lab.pod).returncode == 0
    assert "sidelock" not in saved_rules(lab.pod).lower()
    assert "-A" not in before
    with app_in(lab, 80):
        plain = connect(80, POD4, namespace=lab.client.name)
        plain.sendall(b"plain")
        assert receive_exactly(plain, 5) == b"plain"
        plain.close()
    assert cleanup(lab.pod).returncode == 0, "nothing to remove is no error"


def test_ipv6_only_pods_are_served(tls_folder, tmp_path):
    from support.namespaces import Lab
    with Lab(families=(6,)) as lab:
        assert init(lab.pod, "--ports", "80").returncode == 0
        with app_in(lab, 80), run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80") as sidelock:
            sidelock.wait_until_ready()
            ask(lab, POD6)


def test_an_address_added_later_is_served(lab, captured):
    with app_in(lab, 80), captured("--ports", "80"):
        ask(lab, POD4)
        lab.pod.run("ip", "address", "add", "10.77.0.3/24", "dev", "eth0")
        ask(lab, "10.77.0.3")


def test_run_needs_no_capability_at_all(lab, readable_tls_folder, tmp_path):
    assert init(lab.pod, "--ports", "80").returncode == 0
    nobody = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    with app_in(lab, 80), run_captured(lab.pod, readable_tls_folder, tmp_path / "run.log", "--ports", "80", prefix=nobody) as sidelock:
        sidelock.wait_until_ready()
        ask(lab, POD4)
        ask(lab, POD6)


def test_run_as_root_gives_its_capabilities_up(lab, captured):
    with captured("--ports", "80") as sidelock:
        status = open(f"/proc/{sidelock.pid}/status").read()
        values = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
        assert int(values["CapEff"], 16) == int(values["CapPrm"], 16) == int(values["CapAmb"], 16) == 0
        assert values["NoNewPrivs"] == "1"


def test_an_upstream_address_of_somebody_else_is_a_usage_error(lab, tls_folder, tmp_path):
    with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--upstream", "10.99.0.1",
                      expected_errors=("upstream of port 80: 10.99.0.1",)) as sidelock:
        assert sidelock.wait() == 2
        assert any("not an address of this pod" in message for message in sidelock.messages())
