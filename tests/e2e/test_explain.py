"""What explain says of a connection is what then happens to it: each one is made for real and compared."""

import contextlib
import json
import re
import socket
import ssl

import pytest

from support import apps
from support.captured import CLIENT4, POD4, POD6, init, run_captured
from support.client import connect_tls, context
from support.namespaces import ip
from support.process import run_command
from support.waiting import wait_until

pytestmark = pytest.mark.netns

EXCLUDED_CLIENT, OTHER_POD, OTHER_CLIENT = "10.77.0.8", "10.78.0.2", "10.78.0.9"
ELSEWHERE = "203.0.113.5"
# Hidden, a capture port would refuse before run can say what it thinks of it.
SETTINGS = ("--hide-capture-ports", "off", "--ports", "80,81,443,8000-8019", "--exclude-ports", "8005", "--exclude-sources", EXCLUDED_CLIENT,
            "--exclude-interfaces", "eth1", "--map", "443:8443")


class Explained:
    """One answer of explain."""

    def __init__(self, pod, settings, source, destination, *more):
        done = run_command(["explain", "--output", "json", *settings, *more, source, destination], prefix=pod.prefix)
        assert done.returncode == 0, done
        self.answer = json.loads(done.stdout)
        self.result = self.answer["result"]

    def texts(self, name):
        return [step["text"] for step in self.answer["steps"] if step["name"] == name]


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def dial(namespace, source, address, port):
    """What a TLS client meets: "served", "plain", "reset", "ended", "refused", "silence" or "unreachable"."""
    def attempt():
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        # Long enough for a slow machine; what is dropped costs this once.
        made.settimeout(3)
        with made:
            made.bind((source, 0))
            try:
                made.connect((address, port))
            except ConnectionRefusedError:
                return "refused"
            except TimeoutError:
                return "silence"
            except ConnectionResetError:
                return "reset"
            except OSError:
                return "unreachable"
            try:
                with context().wrap_socket(made, suppress_ragged_eofs=False) as client:
                    client.sendall(b"ping")
                    return "served" if client.recv(4) == b"ping" else "ended"
            except ConnectionResetError:
                return "reset"
            except ssl.SSLEOFError:
                return "ended"
            except ssl.SSLError as error:
                # The app echoes the ClientHello, which is no answer of a server's.
                return "plain" if error.reason == "UNEXPECTED_MESSAGE" else "ended"
    return namespace.enter(attempt)


# What a client meets where explain has one of these results; all others are outcomes of run's, and a reset.
MET = {"served": "served", "plain": "plain", "refused": "refused", "dropped": "silence", "elsewhere": "unreachable"}


@pytest.fixture
def world(lab, tls_folder, tmp_path):
    with made_world(lab, tls_folder, tmp_path, "iptables") as made:
        yield made


@contextlib.contextmanager
def made_world(lab, tls_folder, tmp_path, backend):
    """The lab with a second interface and an address that is only routed, rules, a ready run, and apps."""
    ip("link", "add", "eth1", "netns", lab.client.name, "type", "veth", "peer", "name", "eth1", "netns", lab.pod.name)
    for namespace, address in ((lab.client, OTHER_CLIENT), (lab.pod, OTHER_POD)):
        ip("-n", namespace.name, "address", "add", f"{address}/24", "dev", "eth1")
        ip("-n", namespace.name, "link", "set", "eth1", "up")
    ip("-n", lab.client.name, "address", "add", f"{EXCLUDED_CLIENT}/24", "dev", "eth0")
    lab.client.run("ip", "route", "add", f"{ELSEWHERE}/32", "via", POD4)
    lab.pod.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    lab.pod.run("ip", "route", "add", "unreachable", f"{ELSEWHERE}/32")
    assert init(lab.pod, *SETTINGS, "--backend", backend).returncode == 0
    with contextlib.ExitStack() as stack:
        for port in (80, 90, 99, 8003, 8005, 8443):
            stack.enter_context(apps.App(apps.echo, address="::", port=port, namespace=lab.pod.name))
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *SETTINGS, "--capture-timeout", "1h") as sidelock:
            lab.sidelock = sidelock.wait_until_ready()
            lab.settings = (*SETTINGS, "--tls-dir", str(tls_folder))
            yield lab


def check(world, namespace, source, address, port, expected):
    """That explain expects `expected`, and that it is what happens."""
    explained = Explained(world.pod, world.settings, source, at(address, port))
    assert explained.result == expected, explained.answer
    before = len(world.sidelock.access())
    met = dial(namespace, source, address, port)
    # Python's ssl tells a reset after the handshake as an end without close_notify.
    # Who is let go without a word meets a reset or an end, depending on whether its first bytes had come by then.
    assert met in ((MET[expected],) if expected in MET else ("reset", "ended")), (met, explained.answer)
    if expected == "served" or expected not in (*MET, "probe"):
        line = world.sidelock.wait_for_access(before + 1)[-1]
        assert line["outcome"] == ("ok" if expected == "served" else expected) or line["outcome"].startswith("client_"), line
        assert expected == "served" or line["outcome"] == expected
    if expected == "served":
        upstream = explained.texts("upstream")[0]
        assert upstream.startswith(line["upstream.address"] + ","), (upstream, line)
    return explained


FROM_OUTSIDE = [
    (CLIENT4, POD4, 80, "served"),
    ("fd77::9", POD6, 80, "served"),
    (CLIENT4, POD4, 443, "served"),               # mapped to 8443
    (CLIENT4, POD4, 8003, "served"),              # more than 16 ports: by a chain of a range, or by a map
    (CLIENT4, POD4, 8019, "app_refused"),         # nobody listens there
    (CLIENT4, POD4, 81, "app_refused"),
    (EXCLUDED_CLIENT, POD4, 80, "plain"),         # an excluded source
    (CLIENT4, POD4, 8005, "plain"),               # an excluded port
    (CLIENT4, POD4, 90, "plain"),                 # a port that is none of --ports
    (CLIENT4, POD4, 91, "refused"),               # the same, without an app
    (OTHER_CLIENT, OTHER_POD, 80, "plain"),       # an excluded interface
    (CLIENT4, ELSEWHERE, 80, "elsewhere"),        # an address that is only routed
    (CLIENT4, POD4, 19100, "not_captured"),       # a capture port itself
    ("fd77::9", POD6, 19103, "not_captured"),
    (CLIENT4, POD4, 19122, "refused"),            # behind the last capture port
]
WITHIN = [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), (POD4, POD4), (POD6, POD6)]


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_under_tproxy_too(lab, tls_folder, tmp_path, backend):
    settings = ("--capture", "tproxy", "--backend", backend, "--ports", "80,8000-8019", "--exclude-ports", "8005")
    lab.settings = (*settings, "--tls-dir", str(tls_folder))
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name), apps.App(apps.echo, address="::", port=8005, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
            lab.sidelock = sidelock.wait_until_ready()
            for source, address in ((CLIENT4, POD4), ("fd77::9", POD6)):
                served = check(lab, lab.client, source, address, 80, "served")
                assert any(re.search("tproxy", rule, re.IGNORECASE) for rule in served.texts("rule")), served.answer
                check(lab, lab.client, source, address, 8019, "app_refused")
                check(lab, lab.client, source, address, 8005, "plain")
                check(lab, lab.client, source, address, 91, "refused")
                check(lab, lab.client, source, address, 19100, "refused")
            check(lab, lab.pod, "127.0.0.1", "127.0.0.1", 80, "plain")
        assert Explained(lab.pod, lab.settings, CLIENT4, f"{POD4}:80").result == "dropped", "run has gone"
        assert dial(lab.client, CLIENT4, POD4, 80) == "silence"


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_a_capture_port_that_the_kernel_hides(lab, tls_folder, tmp_path, backend):
    settings = ("--ports", "80", "--backend", backend)
    lab.settings = (*settings, "--tls-dir", str(tls_folder))
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
            lab.sidelock = sidelock.wait_until_ready()
            for source, address in ((CLIENT4, POD4), ("fd77::9", POD6)):
                check(lab, lab.client, source, address, 80, "served")
                hidden = check(lab, lab.client, source, address, 19100, "refused")
                assert "reject" in hidden.texts("rule")[-1].lower(), hidden.answer


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_what_it_says_is_what_happens(lab, tls_folder, tmp_path, backend):
    plan = run_command(["init", *SETTINGS, "--dry-run", "--backend", "iptables"]).stdout
    probe = int(re.search(r"--dport (\d+) .*probe", plan).group(1))
    with made_world(lab, tls_folder, tmp_path, backend) as world:
        for source, address, port, expected in FROM_OUTSIDE:
            check(world, world.client, source, address, port, expected)
        for source, address in WITHIN:
            assert check(world, world.pod, source, address, 80, "plain").texts("interface")[0].startswith("lo")
        check(world, world.pod, "127.0.0.1", "127.0.0.1", probe, "probe")
        check(world, world.pod, "::1", "::1", probe, "probe")
        check(world, world.pod, POD4, POD4, probe, "not_configured")


def test_a_header_for_the_app_is_told_byte_by_byte(lab, tls_folder, tmp_path):
    settings = ("--ports", "80", "--proxy-protocol", "v1")
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.sink, address="::", port=80, namespace=lab.pod.name) as app:
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
            sidelock.wait_until_ready()
            explained = Explained(lab.pod, (*settings, "--tls-dir", str(tls_folder)), f"{CLIENT4}:45678", f"{POD4}:80")
            attempts = len(app.seen)
            with connect_tls(80, POD4, namespace=lab.client.name, source_port=45678) as client:
                client.unwrap()
            header = bytes.fromhex(explained.texts("header")[0])
            assert header == f"PROXY TCP4 {CLIENT4} {POD4} 45678 80\r\n".encode()
            wait_until(lambda: any(seen.head == header for seen in app.seen), f"{header} at the app")
            assert attempts <= 1, "explain looks once whether the app is there"


def test_an_app_port_that_other_rules_capture(world):
    world.pod.run("iptables-legacy", "-t", "nat", "-I", "SIDELOCK_IN", "-p", "tcp", "--dport", "99", "-j", "REDIRECT", "--to-ports", "19100")
    check(world, world.client, CLIENT4, POD4, 99, "not_configured")


@pytest.mark.parametrize("target, expected", [("ACCEPT", "plain"), ("RETURN", "plain")])
def test_a_foreign_rule_in_front(world, target, expected):
    world.pod.run("iptables-legacy", "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "--dport", "80", "-j", target)
    explained = check(world, world.client, CLIENT4, POD4, 80, expected)
    assert explained.texts("rule") == [f"IPv4 table nat: -A PREROUTING -p tcp -m tcp --dport 80 -j {target}"]
    check(world, world.client, "fd77::9", POD6, 80, "served")


def test_a_foreign_drop_in_front(world):
    world.pod.run("iptables-legacy", "-t", "mangle", "-I", "PREROUTING", "-p", "tcp", "--dport", "80", "-j", "DROP")
    check(world, world.client, CLIENT4, POD4, 80, "dropped")


def test_a_foreign_drop_in_front_of_nftables_rules(lab, tls_folder, tmp_path):
    with made_world(lab, tls_folder, tmp_path, "nftables") as world:
        for words in ("table inet other", "chain inet other first { type filter hook prerouting priority -200; }",
                      "rule inet other first tcp dport 80 counter drop"):
            world.pod.run("nft", "add", *words.split(" "))
        check(world, world.client, CLIENT4, POD4, 80, "dropped")


def test_a_foreign_rule_whose_match_is_not_known_makes_no_promise(world):
    world.pod.run("iptables-legacy", "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "-m", "mark", "--mark", "7", "-j", "ACCEPT")
    explained = Explained(world.pod, world.settings, CLIENT4, f"{POD4}:80")
    assert (explained.result, len(explained.texts("rule"))) == ("unknown", 1)


def test_rules_that_are_gone(world):
    world.pod.run("iptables-legacy", "-t", "nat", "-F")
    explained = check(world, world.client, CLIENT4, POD4, 80, "plain")
    assert explained.texts("rule") == ["none matches"]


def test_one_rule_that_is_gone(world):
    world.pod.run("iptables-legacy", "-t", "nat", "-F", "SIDELOCK_P1")
    check(world, world.client, CLIENT4, POD4, 80, "plain")
    check(world, world.client, "fd77::9", POD6, 80, "served")


def test_run_that_is_not_there(lab, tls_folder):
    assert init(lab.pod, "--ports", "80").returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name):
        explained = Explained(lab.pod, ("--ports", "80", "--tls-dir", str(tls_folder)), CLIENT4, f"{POD4}:80")
        assert explained.texts("capture") == ["port 19100, where nobody listens"]
        assert explained.result == dial(lab.client, CLIENT4, POD4, 80) == "refused"


def test_an_upstream_at_loopback(lab, tls_folder, tmp_path):
    settings = ("--ports", "80", "--upstream", "loopback")
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.echo, address="127.0.0.1", port=80, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
            lab.sidelock, lab.settings = sidelock.wait_until_ready(), (*settings, "--tls-dir", str(tls_folder))
            check(lab, lab.client, CLIENT4, POD4, 80, "served")
            check(lab, lab.client, "fd77::9", POD6, 80, "app_refused")


def test_explicit_mode(run, echo_app, tls_folder):
    with run(echo_app.port) as sidelock:
        settings = ["--capture", "none", "--listen", f"127.0.0.1:{sidelock.port}=127.0.0.1:{echo_app.port}", "--tls-dir", str(tls_folder)]
        for port, result in ((sidelock.port, "served"), (echo_app.port, "plain")):
            done = run_command(["explain", *settings, "127.0.0.1", f"127.0.0.1:{port}"])
            assert done.returncode == 0 and f"=>           {result}:" in done.stdout, done


def test_the_interface_may_be_named(world):
    explained = Explained(world.pod, world.settings, CLIENT4, f"{POD4}:80", "--via", "eth1")
    assert explained.result == "plain"
    assert explained.texts("interface") == ["eth1, as --via says"]


def test_the_name_that_a_client_asks_for(world):
    for name, is_right in (("localhost", True), ("other.example", False)):
        text = Explained(world.pod, world.settings, CLIENT4, f"{POD4}:80", "--sni", name).texts("credential")[0]
        assert ("refuses it" not in text) == is_right, text


def test_without_the_rules_it_says_that_it_does_not_know(world):
    without = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    done = run_command(["explain", *world.settings, CLIENT4, f"{POD4}:80"], prefix=(*world.pod.prefix, *without))
    assert done.returncode == 3
    assert "NET_ADMIN" in done.stdout and "=>           unknown:" in done.stdout


def test_the_steps_in_words(world):
    done = run_command(["explain", *world.settings, f"{CLIENT4}:40000", f"{POD4}:80"], prefix=world.pod.prefix)
    assert done.returncode == 0, done
    lines = [re.sub(r"pid \d+", "pid N", line) for line in done.stdout.splitlines()]
    names = [line[:12].strip() for line in lines]
    assert names == ["client", "interface", "destination", "rule", "rule", "rule", "capture", "policy", "credential", "upstream", "=>"]
    assert lines[0] == f"client       {CLIENT4}:40000 to {POD4}:80"
    assert lines[5] == "rule         -A SIDELOCK_P1 -p tcp -m tcp --dport 80 -m addrtype --dst-type LOCAL -j REDIRECT --to-ports 19100"
    assert "CN=localhost" in lines[8]
    assert lines[10] == f"=>           served: TLS with the client, and its bytes to {POD4}:80"


@pytest.mark.parametrize("words, message", [
    ((), "needs a client and a destination"),
    (("10.0.0.1",), "needs a client and a destination"),
    (("10.0.0.1", "10.0.0.2"), '"10.0.0.2" has no port'),
    (("10.0.0.1", "10.0.0.2:0"), '"10.0.0.2:0" is not an address with a port'),
    (("localhost", "10.0.0.2:80"), '"localhost" is not an address'),
    (("10.0.0.1", "[::1]:80"), "are of two families"),
    (("10.0.0.1", "10.0.0.2:80", "more"), '"more": is one word too many'),
])
def test_what_is_no_connection_is_a_usage_error(words, message):
    done = run_command(["explain", "--ports", "80", *words])
    assert (done.returncode, done.stdout) == (2, ""), done
    assert message in done.stderr
