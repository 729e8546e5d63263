"""Without the right rules, run is not ready, says so, and ends with exit code 5; init proves its rules or leaves none."""

import pytest

from support import apps
from support.captured import POD4, init, run_captured, saved_rules
from support.client import connect, receive_exactly
from support.process import clean_environment

pytestmark = pytest.mark.netns
EXPECTED = ("capture not proven",)


def ends_unproven(sidelock):
    with sidelock:
        assert sidelock.wait() == 5
        assert any("not ready" in message for message in sidelock.messages())
        assert any("sidelock init" in message for message in sidelock.messages())


def test_run_without_rules_ends_with_five(lab, tls_folder, tmp_path):
    with apps.App(apps.echo, address="0.0.0.0", port=80, namespace=lab.pod.name):
        ends_unproven(run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--capture-timeout", "1s",
                                   expected_errors=EXPECTED))
        # What it warns of: the app is open.
        plain = connect(80, POD4, namespace=lab.client.name)
        plain.sendall(b"open")
        assert receive_exactly(plain, 4) == b"open"
        plain.close()


@pytest.mark.parametrize("settings", [
    ("--ports", "80,81"), ("--ports", "80", "--capture-port-base", "19200"), ("--ports", "80", "--exclude-sources", "10.0.0.0/8"),
    ("--ports", "80", "--interfaces", "eth0"),
])
def test_run_with_other_settings_than_init_ends_with_five(lab, tls_folder, tmp_path, settings):
    assert init(lab.pod, "--ports", "80").returncode == 0
    ends_unproven(run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings, "--capture-timeout", "1s",
                               expected_errors=EXPECTED))


def test_run_with_rules_for_one_family_only_ends_with_five(lab, tls_folder, tmp_path):
    assert init(lab.pod, "--ports", "80", "--ip-family", "ipv4").returncode == 0
    ends_unproven(run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--capture-timeout", "1s",
                               expected_errors=EXPECTED))


@pytest.mark.slow
def test_rules_flushed_under_run_are_noticed(lab, tls_folder, tmp_path):
    assert init(lab.pod, "--ports", "80").returncode == 0
    sidelock = run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--capture-timeout", "2s",
                            expected_errors=EXPECTED)
    with sidelock:
        sidelock.wait_until_ready()
        lab.pod.run("iptables-legacy", "-t", "nat", "-F")
        assert sidelock.wait() == 5
        assert any("not ready" in message for message in sidelock.messages())


def test_rules_that_come_late_make_run_ready(lab, tls_folder, tmp_path):
    with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80") as sidelock:
        sidelock.wait_for_message("not ready")
        assert init(lab.pod, "--ports", "80").returncode == 0
        sidelock.wait_until_ready()


def test_a_foreign_accept_is_put_behind_ours(lab):
    lab.pod.run("iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "-j", "ACCEPT")
    assert init(lab.pod, "--ports", "80").returncode == 0
    prerouting = [line for line in saved_rules(lab.pod).splitlines() if line.startswith("-A PREROUTING") and "-p tcp" in line]
    assert "SIDELOCK_IN" in prerouting[0]
    assert any(line.endswith("-j ACCEPT") for line in prerouting)


@pytest.mark.parametrize("environment", [{"POD_IP": "10.0.0.1", "HOST_IP": "10.0.0.1"}, None])
def test_a_nodes_namespace_is_refused(lab, environment):
    if environment is None:
        lab.pod.run("iptables-legacy", "-t", "nat", "-N", "KUBE-SERVICES")
    before = saved_rules(lab.pod)
    done = init(lab.pod, "--ports", "80", environment=clean_environment(**(environment or {})))
    assert done.returncode == 2, done
    assert "--allow-host-network" in done.stdout + done.stderr
    assert saved_rules(lab.pod) == before
    done = init(lab.pod, "--ports", "80", "--allow-host-network", environment=clean_environment(**(environment or {})))
    assert done.returncode == 0, done


@pytest.mark.parametrize("lacking, named, backend", [("net_raw", "NET_RAW", "iptables"), ("net_admin", "NET_ADMIN", "iptables"),
                                                     ("net_admin", "NET_ADMIN", "nftables"), ("net_admin", "NET_ADMIN", "auto")])
def test_a_missing_capability_is_named(lab, lacking, named, backend):
    done = init(lab.pod, "--ports", "80", "--backend", backend, prefix=("setpriv", f"--bounding-set=-{lacking}", f"--inh-caps=-{lacking}"))
    assert done.returncode == 3, done
    assert f"missing: {named}" in done.stdout
    assert "SIDELOCK" not in saved_rules(lab.pod)
