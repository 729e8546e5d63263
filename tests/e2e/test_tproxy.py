"""--capture tproxy: the same service without connection tracking; run needs NET_RAW to start, and nothing after that."""

import pytest

from support import apps
from support.captured import POD4, POD6, init_and_run, run_captured
from support.client import connect, connect_tls, context, is_reset, receive_exactly, wait_for_end
from support.process import threads_capabilities

pytestmark = pytest.mark.netns
SETTINGS = ("--capture", "tproxy", "--ports", "80")
NET_RAW_ONLY = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all,+net_raw",
                "--ambient-caps=-all,+net_raw", "--bounding-set=-all,+net_raw", "--no-new-privs")
NOTHING = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")


@pytest.fixture
def captured(lab, backend, readable_tls_folder, tmp_path):
    """A ready run with rules for port 80."""
    with init_and_run(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, "--backend", backend) as sidelock:
        yield sidelock.wait_until_ready()


@pytest.fixture
def app(lab):
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        yield app


def ask(lab, address, authority=None, **options):
    with connect_tls(80, address, namespace=lab.client.name, tls=context(authority), **options) as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"
        client.unwrap()


def conntrack_entries(namespace):
    return int(namespace.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count").stdout)


@pytest.mark.parametrize("address", [POD4, POD6])
def test_a_client_reaches_the_app_over_verified_tls_without_a_conntrack_entry(lab, app, captured, authority, address):
    with connect_tls(80, address, namespace=lab.client.name, tls=context(authority)) as client:
        client.sendall(b"ping")
        assert receive_exactly(client, 4) == b"ping"
        assert conntrack_entries(lab.pod) == 0
        client.unwrap()
    assert app.connection().wait().peer[0].removeprefix("::ffff:") == address
    line = captured.wait_for_outcome("ok")
    assert (line["server.address"], line["server.port"]) == (address, 80)


@pytest.mark.parametrize("syncookies", ["0", "2"])
@pytest.mark.parametrize("address", [POD4, POD6])
def test_no_packet_reaches_the_app_in_plain_with_syncookies_or_without(lab, app, captured, address, syncookies):
    lab.pod.run("sysctl", "-qw", f"net.ipv4.tcp_syncookies={syncookies}")
    plain = connect(80, address, namespace=lab.client.name)
    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert wait_for_end(plain) == "reset"
    plain.close()
    captured.wait_for_outcome("plaintext")
    assert app.seen == []
    ask(lab, address)


@pytest.mark.parametrize("address", [POD4, POD6])
def test_a_direct_hit_on_the_capture_port_is_reset_by_the_kernel(lab, app, captured, address):
    with pytest.raises(ConnectionRefusedError):
        connect(19100, address, namespace=lab.client.name)
    assert app.seen == []


def test_a_direct_hit_that_the_kernel_does_not_reset_is_reset_by_run(lab, app, readable_tls_folder, tmp_path):
    with init_and_run(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, "--hide-capture-ports", "off") as sidelock:
        sidelock.wait_until_ready()
        assert is_reset(19100, POD4, lab.client.name)
        sidelock.wait_for_outcome("not_captured")
        assert app.seen == []


def test_a_client_inside_the_pod_still_reaches_the_app_in_plain(lab, app, captured):
    for address in ("127.0.0.1", "::1", POD4, POD6):
        plain = connect(80, address, namespace=lab.pod.name)
        plain.sendall(b"hello")
        assert receive_exactly(plain, 5) == b"hello"
        plain.close()


def test_no_thread_keeps_a_capability(captured):
    assert set(threads_capabilities(captured.pid)) == {0}


def test_net_raw_is_all_that_run_needs(lab, app, readable_tls_folder, tmp_path):
    with init_and_run(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, prefix=NET_RAW_ONLY) as sidelock:
        sidelock.wait_until_ready()
        ask(lab, POD4)
        ask(lab, POD6)


def test_without_net_raw_run_says_so_and_ends_with_three(lab, readable_tls_folder, tmp_path):
    with run_captured(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, prefix=NOTHING,
                      expected_errors=("--capture tproxy",)) as sidelock:
        assert sidelock.wait() == 3
        assert any("NET_RAW" in message for message in sidelock.messages())


def test_without_rules_run_is_not_ready_and_ends_with_five(lab, readable_tls_folder, tmp_path):
    with run_captured(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, "--capture-timeout", "1s",
                      expected_errors=("capture not proven",)) as sidelock:
        assert sidelock.wait() == 5


def test_two_workers_share_the_capture_port(lab, app, readable_tls_folder, tmp_path):
    with init_and_run(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, "--workers", "2") as sidelock:
        sidelock.wait_until_ready()
        for _ in range(8):
            ask(lab, POD4)
            ask(lab, POD6)
        assert {line["outcome"] for line in sidelock.wait_for_access(16)} == {"ok"}
