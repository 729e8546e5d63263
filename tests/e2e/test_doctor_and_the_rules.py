"""doctor compares the rules in the kernel with those of its settings, finds who else has rules, and changes nothing."""

import json
import os
import re

import pytest

from support import apps
from support.captured import POD4, init, run_captured, saved_rules
from support.client import connect, connect_tls, receive_exactly
from support.doctor import doctor
from support.process import run_command

pytestmark = pytest.mark.netns


@pytest.fixture
def healthy(lab, tls_folder, tmp_path):
    """A pod in which all is well; its settings."""
    settings = ("--ports", "80", "--tls-dir", str(tls_folder))
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--capture-timeout", "1h") as sidelock:
            sidelock.wait_until_ready()
            yield settings


def iptables(pod, *arguments, family=4):
    pod.run("iptables-legacy" if family == 4 else "ip6tables-legacy", *arguments)


def test_a_healthy_pod_has_nothing_wrong(lab, healthy):
    found = doctor(lab.pod, *healthy)
    assert (found.wrong(), found.code) == (set(), 0), found.report
    found.expect("families", "ok", "IPv4 and IPv6")
    found.expect("rules", "ok", "0 connection(s) captured")


def test_the_counters_tell_what_was_captured(lab, healthy):
    connect_tls(80, POD4, namespace=lab.client.name).close()
    doctor(lab.pod, *healthy).expect("rules", "ok", "1 connection(s) captured")


def test_doctor_changes_no_rule_and_makes_no_table(lab, healthy, tls_folder):
    def rules():
        return re.sub(r"\[\d+:\d+\]", "", saved_rules(lab.pod))
    before = rules()
    doctor(lab.pod, *healthy)
    assert rules() == before
    # In a namespace without tables, looking would create them.
    assert doctor(lab.client, "--ports", "80", "--tls-dir", str(tls_folder)).code == 5
    for names in ("ip_tables_names", "ip6_tables_names"):
        assert lab.client.run("cat", f"/proc/net/{names}").stdout == ""


def test_no_rules_at_all(lab, tls_folder):
    found = doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder))
    found.expect("rules", "failed", "there are none", "sidelock init", code=5)
    found.expect("self-test", "skipped")


def test_rules_that_were_flushed_under_run(lab, healthy):
    for family in (4, 6):
        iptables(lab.pod, "-t", "nat", "-F", family=family)
    found = doctor(lab.pod, *healthy)
    found.expect("rules", "failed", "found", "sidelock init", code=5)
    found.expect("self-test", "failed", "was refused", "sidelock init")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("table, chain, number", [
    ("nat", "PREROUTING", "1"), ("nat", "OUTPUT", "1"), ("nat", "SIDELOCK_IN", "1"),
    ("mangle", "PREROUTING", "1"), ("mangle", "SIDELOCK_IN", "1"),
])
def test_one_rule_that_is_gone(lab, healthy, family, table, chain, number):
    iptables(lab.pod, "-t", table, "-D", chain, number, family=family)
    found = doctor(lab.pod, *healthy)
    found.expect("rules", "failed", f"IPv{family} table {table}: wanted `-A {chain}", code=5)
    # The probe goes by the probe rule alone.
    assert found.status("self-test") == ("failed" if chain == "OUTPUT" else "ok")


def test_nftables_rules(lab, healthy):
    settings = (*healthy, "--backend", "nftables")
    assert init(lab.pod, *settings).returncode == 0
    found = doctor(lab.pod, *settings)
    assert (found.wrong(), found.code) == (set(), 0), found.report
    found.expect("backend", "ok", "nftables")
    chains = json.loads(lab.pod.run("nft", "-j", "list", "table", "inet", "sidelock").stdout)["nftables"]
    rule = next(entry["rule"] for entry in chains if entry.get("rule", {}).get("chain") == "nat_in")
    lab.pod.run("nft", "delete", "rule", "inet", "sidelock", "nat_in", "handle", str(rule["handle"]))
    doctor(lab.pod, *settings).expect("rules", "failed", "tcp dport 80", "sidelock init", code=5)
    lab.pod.run("nft", "delete", "table", "inet", "sidelock")
    doctor(lab.pod, *settings).expect("rules", "failed", "there are none", code=5)


def test_rules_in_both_backends(lab, healthy):
    iptables_rules = run_command(["init", *healthy, "--dry-run", "--backend", "iptables"]).stdout.split("# IPv6")[0]
    assert init(lab.pod, *healthy, "--backend", "nftables").returncode == 0
    lab.pod.run("iptables-legacy-restore", input=iptables_rules)
    doctor(lab.pod, *healthy, "--backend", "nftables").expect("backend", "failed", "nftables and in iptables", "sidelock init", code=5)


def test_rules_in_another_order(lab, healthy):
    iptables(lab.pod, "-t", "nat", "-I", "SIDELOCK_IN", "-s", "10.77.0.0/24", "-j", "RETURN")
    doctor(lab.pod, *healthy).expect("rules", "failed", "found `-A SIDELOCK_IN -s 10.77.0.0/24 -j RETURN`", code=5)


def test_rules_of_other_settings(lab, healthy):
    found = doctor(lab.pod, "--ports", "80", *healthy[2:], "--exclude-sources", "10.0.0.0/8")
    found.expect("rules", "failed", "-s 10.0.0.0/8", "with the settings of `sidelock run`", code=5)
    found.expect("self-test", "failed", "was refused")


def test_a_foreign_rule_in_front(lab, healthy):
    iptables(lab.pod, "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "--dport", "80", "-j", "ACCEPT")
    found = doctor(lab.pod, *healthy)
    found.expect("foreign", "failed", "-A PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT", "remove that rule", code=5)
    found = doctor(lab.pod, *healthy, "--allow-foreign-before")
    assert (found.wrong(), found.code) == ({"foreign"}, 0)
    found.expect("foreign", "warning", remedy="remove that rule")


def test_a_foreign_rule_behind_is_nobodys_business(lab, healthy):
    iptables(lab.pod, "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "-j", "ACCEPT")
    assert doctor(lab.pod, *healthy).wrong() == set()


@pytest.mark.parametrize("backend", ["iptables-legacy", "iptables-nft"])
def test_a_foreign_rule_that_leads_past_the_captured_ports(lab, healthy, backend):
    rule = ("-p", "tcp", "--dport", "8080", "-j", "REDIRECT", "--to-ports", "80")
    lab.pod.run(backend, "-t", "nat", "-A", "PREROUTING", *rule)
    # The fault is real: each connection is translated once, so this one reaches the app in plain text.
    with connect(8080, POD4, namespace=lab.client.name) as plain:
        plain.sendall(b"ping")
        assert receive_exactly(plain, 4) == b"ping"
    found = doctor(lab.pod, *healthy)
    assert (found.wrong(), found.code) == ({"foreign"}, 0), found.report
    found.expect("foreign", "warning", "leads clients of ports that are not captured to port 80", "--ports")


def test_a_foreign_rule_that_leads_elsewhere_is_nobodys_business(lab, healthy):
    iptables(lab.pod, "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "8080", "-j", "REDIRECT", "--to-ports", "81")
    iptables(lab.pod, "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "80", "-j", "REDIRECT", "--to-ports", "80")
    assert doctor(lab.pod, *healthy).wrong() == set()


def test_interfaces_that_are_not_here(lab, healthy):
    for settings in (("--interfaces", "ens3"), ("--exclude-interfaces", "eth+")):
        assert init(lab.pod, *healthy, *settings).returncode == 0
        with connect(80, POD4, namespace=lab.client.name) as plain:
            plain.sendall(b"ping")
            assert receive_exactly(plain, 4) == b"ping"
        found = doctor(lab.pod, *healthy, *settings)
        found.expect("rules", "ok")
        found.expect("interfaces", "failed", "every client that comes by eth0 reaches the app in plain text", "--interfaces", code=5)
    assert init(lab.pod, *healthy, "--interfaces", "eth0,net1").returncode == 0
    doctor(lab.pod, *healthy, "--interfaces", "eth0,net1").expect("interfaces", "warning", "is named net1; captured: eth0")


def test_interfaces_that_are_left_open_on_purpose_are_told(lab, healthy):
    lab.pod.run("ip", "link", "add", "net1", "type", "veth", "peer", "name", "net1", "netns", lab.client.name)
    lab.pod.run("ip", "link", "set", "net1", "up")
    doctor(lab.pod, *healthy).expect("interfaces", "ok", "captured: eth0, net1")
    doctor(lab.pod, *healthy, "--interfaces", "eth0").expect("interfaces", "ok", "captured: eth0; not captured: net1")


@pytest.mark.parametrize("chain, named, remedy", [
    ("ISTIO_INBOUND", "Istio", "excludeInboundPorts"),
    ("PROXY_INIT_REDIRECT", "Linkerd", "skip-inbound-ports"),
    ("KUMA_MESH_INBOUND", "Kuma", "exclude-inbound-ports"),
    ("KUBE-SERVICES", "node", "hostNetwork"),
])
def test_chains_of_others(lab, healthy, chain, named, remedy):
    iptables(lab.pod, "-t", "nat", "-N", chain)
    found = doctor(lab.pod, *healthy)
    assert (found.wrong(), found.code) == ({"meshes"}, 0)
    found.expect("meshes", "warning", named, remedy)


def test_a_family_that_is_left_open(lab, healthy):
    assert init(lab.pod, *healthy, "--ip-family", "ipv4").returncode == 0
    found = doctor(lab.pod, *healthy, "--ip-family", "ipv4")
    found.expect("families", "warning", "IPv6 is not captured, and eth0 has fd77::2", "--ip-family auto")
    doctor(lab.pod, *healthy).expect("rules", "failed", "IPv6", code=5)


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_rules_of_tproxy(lab, tls_folder, tmp_path, backend):
    settings = ("--capture", "tproxy", "--backend", backend, "--ports", "80")
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings, "--capture-timeout", "1h") as sidelock:
            sidelock.wait_until_ready()
            with connect_tls(80, POD4, namespace=lab.client.name) as client:
                client.unwrap()
            found = doctor(lab.pod, *settings, "--tls-dir", str(tls_folder))
            assert found.wrong() == set(), found.report
            assert int(re.search(r"(\d+) packet\(s\) captured", found.checks["rules"]["detail"]).group(1)) > 0
            found = doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder))
            found.expect("rules", "failed", "", "sidelock init", code=5)
            if backend == "nftables":
                lab.pod.run("nft", "flush", "table", "inet", "sidelock")
            else:
                iptables(lab.pod, "-t", "mangle", "-F", "PREROUTING")
            doctor(lab.pod, *settings, "--tls-dir", str(tls_folder)).expect("rules", "failed", "", "sidelock init", code=5)


def test_rules_of_an_earlier_init_in_explicit_mode(lab, healthy):
    found = doctor(lab.pod, "--capture", "none", "--listen", "19100=80", *healthy[2:])
    found.expect("rules", "warning", "still there", "sidelock cleanup")


@pytest.mark.parametrize("lacking, named", [("net_raw", "NET_RAW"), ("net_admin", "NET_ADMIN")])
def test_without_a_capability_the_self_test_speaks_for_the_rules(lab, healthy, lacking, named):
    without = ("setpriv", f"--bounding-set=-{lacking}", f"--inh-caps=-{lacking}")
    found = doctor(lab.pod, *healthy, prefix=without)
    assert found.wrong() == {"privileges", "backend", "rules", "foreign", "meshes"}
    assert found.code == 0
    found.expect("privileges", "skipped", named, "NET_ADMIN and NET_RAW")
    found.expect("rules", "skipped", "the self-test proves")
    iptables(lab.pod, "-t", "nat", "-F")
    found = doctor(lab.pod, *healthy, prefix=without)
    found.expect("privileges", "warning", named, "NET_ADMIN and NET_RAW")
    found.expect("rules", "failed", named, code=3)
    found.expect("self-test", "failed", "127.0.0.1")


def test_an_ordinary_user_with_the_capabilities_cannot_see_which_tables_there_are(lab, tls_folder, tmp_path):
    if os.environ.get("SIDELOCK_SANITIZED") == "1":
        pytest.skip("a process with capabilities of its own may not be traced, which LeakSanitizer would do")
    for folder in (tls_folder, *tls_folder.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    user = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=+net_admin,+net_raw", "--ambient-caps=+net_admin,+net_raw")
    found = doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder), prefix=user)
    found.expect("privileges", "warning", "uid 19100", "as root")
    found.expect("rules", "failed", "ip_tables_names")
    assert lab.pod.run("cat", "/proc/net/ip_tables_names").stdout == ""

