"""doctor looks whether run listens, whether connections reach it, and whether it will reach the app."""

import socket

import pytest

from support import apps
from support.captured import POD4, POD6, init, run_captured
from support.doctor import doctor
from support.process import clean_environment, run_command

pytestmark = pytest.mark.netns


@pytest.fixture
def served(lab, tls_folder, tmp_path):
    """served(*settings) -> the settings of a pod with rules and a ready run, without an app."""
    started = []

    def start(*settings):
        assert init(lab.pod, *settings).returncode == 0
        sidelock = run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings, "--capture-timeout", "1h")
        started.append(sidelock)
        sidelock.wait_until_ready()
        return (*settings, "--tls-dir", str(tls_folder))

    yield start
    for sidelock in started:
        with sidelock:
            pass


def app_in(lab, port, address="::"):
    return apps.App(apps.echo, address=address, port=port, namespace=lab.pod.name)


def test_run_that_is_not_there(lab, tls_folder):
    assert init(lab.pod, "--ports", "80").returncode == 0
    with app_in(lab, 80):
        found = doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder))
    assert found.wrong() == {"listeners", "self-test"}
    found.expect("listeners", "failed", "nobody listens on 19100", "sidelock run", code=1)


@pytest.mark.parametrize("more, setting", [(("--preserve-source", "prefer"), "--preserve-source"), (("--capture", "tproxy"), "--capture tproxy")])
def test_a_container_without_what_run_needs(lab, tls_folder, more, setting):
    settings = ("--ports", "80", *more, "--tls-dir", str(tls_folder))
    without = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    doctor(lab.pod, *settings, prefix=without).expect("net-raw", "warning", f"{setting} needs it", "add: [NET_RAW]")
    done = run_command(["run", *settings], prefix=(*lab.pod.prefix, *without))
    assert done.returncode == 3 and "NET_RAW" in done.stdout + done.stderr, "so it is"
    doctor(lab.pod, *settings).expect("net-raw", "ok", setting)
    assert "net-raw" not in doctor(lab.pod, "--ports", "80").checks


def test_run_with_fewer_ports(lab, served):
    settings = served("--ports", "80")
    with app_in(lab, 80):
        found = doctor(lab.pod, "--ports", "80,90", *settings[2:])
    found.expect("listeners", "failed", "nobody listens on 19101")


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", POD4])
def test_a_stranger_on_the_capture_port(lab, tls_folder, address):
    assert init(lab.pod, "--ports", "80").returncode == 0
    with app_in(lab, 80), app_in(lab, 19100, address):
        found = doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder))
        found.expect("listeners", "failed", f"listens on {address}:19100", "--capture-port-base", code=1)
        assert "python" in found.checks["listeners"]["detail"]


def test_a_stranger_whose_name_cannot_be_seen(lab, tls_folder):
    # Without the right to look into other processes, the address that is bound, and what the probe meets, still tell.
    assert init(lab.pod, "--ports", "80").returncode == 0
    blind = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all")
    with app_in(lab, 80):
        with app_in(lab, 19100, "127.0.0.1"):
            found = doctor(lab.pod, "--ports", "80", "--self-signed", "a", prefix=blind)
            found.expect("listeners", "failed", "a process of uid 0 listens on 127.0.0.1:19100")
        with app_in(lab, 19100):
            found = doctor(lab.pod, "--ports", "80", "--self-signed", "a", prefix=blind)
            assert found.status("listeners") == "ok"
            found.expect("self-test", "failed", "answered by somebody else")


def test_somebody_on_the_probe_port(lab, served):
    settings = served("--ports", "80")
    plan = run_command(["init", *settings, "--dry-run", "--backend", "iptables"]).stdout
    probe = int(next(line for line in plan.splitlines() if "probe" in line).split("--dport ")[1].split()[0])
    with app_in(lab, 80), app_in(lab, probe):
        doctor(lab.pod, *settings).expect("self-test", "failed", f"listens on the probe port {probe}", code=1)


def test_an_app_that_is_down(lab, served):
    doctor(lab.pod, *served("--ports", "80")).expect(
        "app", "failed", f"`run` dials {POD4}:80, [{POD6}]:80: nobody listens there", "start the app", code=1)


@pytest.mark.parametrize("bind, upstream, expected, status", [
    ("127.0.0.1", "original", "--upstream loopback", "failed"),
    (POD4, "loopback", f"--upstream {POD4}", "failed"),
    ("127.0.0.1", POD4, "--upstream loopback", "failed"),
    ("0.0.0.0", "original", "on the other address", "warning"),
])
def test_an_app_on_another_address(lab, served, bind, upstream, expected, status):
    settings = served("--ports", "80", "--upstream", upstream)
    with app_in(lab, 80, bind):
        doctor(lab.pod, *settings).expect("app", status, f"the app listens on {bind}:80 only", expected)


def test_an_app_on_another_port(lab, served):
    settings = served("--ports", "443", "--map", "443:8443")
    with app_in(lab, 8080):
        doctor(lab.pod, *settings).expect("app", "failed", f"{POD4}:8443", "--map", code=1)
    with app_in(lab, 8443):
        assert doctor(lab.pod, *settings).status("app") == "ok"


def test_of_a_range_only_some_ports_need_an_app(lab, served):
    settings = served("--ports", "8000-8019")
    with app_in(lab, 8003):
        doctor(lab.pod, *settings).expect("app", "ok", "reached on 1 port(s) where `run` dials it; nobody on 19 port(s) of 8000-8019")


def test_a_udp_listener_on_a_captured_port(lab, served):
    settings = served("--ports", "443")

    def listen():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", 443))
        return made
    with app_in(lab, 443), lab.pod.enter(listen):
        found = doctor(lab.pod, *settings)
        assert (found.wrong(), found.code) == ({"udp"}, 0)
        found.expect("udp", "warning", "QUIC", "HTTP/3")


def test_too_few_descriptors(lab, served):
    settings = served("--ports", "80")
    with app_in(lab, 80):
        few = ("prlimit", "--nofile=256:256")
        doctor(lab.pod, *settings, prefix=few).expect("descriptors", "warning", "at most 256 files", "ulimit -n")
        assert doctor(lab.pod, *settings, "--max-connections", "50", prefix=few).status("descriptors") == "ok"
        found = doctor(lab.pod, *settings, "--max-connections", "5000", prefix=few)
        found.expect("descriptors", "failed", "the limit of open files (256)", "ulimit -n", code=2)


def test_an_upstream_that_is_not_the_pods(lab, tls_folder):
    found = doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder), "--upstream", "10.99.0.1")
    found.expect("settings", "failed", "--upstream 10.99.0.1: not an address of this pod", "loopback", code=2)


def test_an_unknown_variable(lab, served):
    settings = served("--ports", "80")
    with app_in(lab, 80):
        found = doctor(lab.pod, *settings, environment=clean_environment(SIDELOCK_SERVICE_HOST="10.0.0.1"))
    assert (found.wrong(), found.code) == ({"settings"}, 0)
    found.expect("settings", "warning", "SIDELOCK_SERVICE_HOST is not a setting", "--help")


def test_contradicting_settings_are_a_usage_error():
    done = run_command(["doctor", "--ports", "80", "--listen", "8443=8080"])
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs --capture none" in done.stderr


def test_explicit_mode_is_healthy_without_rules(run, echo_app, tls_folder):
    sidelock = run(echo_app.port)
    done = run_command(["doctor", "--capture", "none", "--listen", f"127.0.0.1:{sidelock.port}=127.0.0.1:{echo_app.port}",
                        "--tls-dir", str(tls_folder)])
    assert done.returncode == 0, done
    lines = dict(line.split(None, 2)[1::-1] for line in done.stdout.splitlines()[:-1] if not line.startswith(" "))
    assert lines["rules"] == lines["listeners"] == lines["app"] == "ok"
    assert "self-test" not in lines
    with sidelock:
        pass


def test_explicit_mode_without_an_app(run, echo_app, tls_folder, free_port):
    sidelock = run(echo_app.port)
    nobody = free_port()
    done = run_command(["doctor", "--capture", "none", "--listen", f"127.0.0.1:{sidelock.port}=127.0.0.1:{nobody}",
                        "--tls-dir", str(tls_folder)])
    assert done.returncode == 1
    assert f"`run` dials 127.0.0.1:{nobody}: nobody listens there" in done.stdout
    with sidelock:
        pass
