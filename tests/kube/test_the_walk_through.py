"""manifests/nginx.yaml and nginx-sidecar.yaml, played by podman: TLS in front of an nginx that nobody touched."""

import pytest

from cluster import documents
from cluster.pods import Pod, tls_secret
from support.waiting import wait_until

NAME = "nginx.example"
NET_ADMIN, NET_RAW = 12, 13


@pytest.fixture(scope="module")
def folder(authority, tmp_path_factory, node):
    folder = tmp_path_factory.mktemp("tls")
    authority.issue(NAME, folder)
    (node.share / "ca.crt").write_bytes(authority.certificate.read_bytes())
    return folder


@pytest.fixture(scope="module")
def pod(node, folder):
    played = documents.of_kind(documents.load(documents.MANIFESTS / "nginx-sidecar.yaml"), "Pod")
    with Pod(node, played, secrets=[tls_secret("nginx-tls", folder)]) as pod:
        yield pod.wait_until_ready()


def fetch(node, address, *options):
    """curl from outside the Pod, with the name in the certificate."""
    return node.run("curl", "--silent", "--show-error", "--max-time", "20", "--connect-to", f"{NAME}:80:{address}:80", *options,
                    check=False)


def addresses(pod):
    return [pod.ipv4, f"[{pod.ipv6}]"]


def test_without_the_sidecar_nginx_speaks_plain_http(node):
    played = documents.of_kind(documents.load(documents.MANIFESTS / "nginx.yaml"), "Pod")
    with Pod(node, played) as plain:
        for address in addresses(plain):
            wait_until(lambda at=address: "Welcome to nginx" in fetch(node, at, f"http://{NAME}:80/").stdout, f"nginx at {address}")


def test_the_app_is_served_over_verified_https_on_its_own_port_over_ipv4_and_ipv6(node, pod):
    for address in addresses(pod):
        page = fetch(node, address, "--cacert", "/share/ca.crt", f"https://{NAME}:80/")
        assert "Welcome to nginx" in page.stdout, page


def test_plain_http_is_refused_over_ipv4_and_ipv6(node, pod):
    for address in addresses(pod):
        page = fetch(node, address, f"http://{NAME}:80/")
        assert page.returncode != 0 and "nginx" not in page.stdout, page


def test_the_sidecar_runs_as_nobody_special_without_a_single_capability(pod):
    status = pod.process("sidelock")
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"19100"}
    assert {status[field].strip() for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"


def test_the_init_container_ended_well_with_two_capabilities_and_not_as_root(pod):
    ended = pod.inspect("sidelock-init")
    assert ended["State"]["ExitCode"] == 0
    assert ended["Config"]["User"].split(":")[0] == "19100"
    assert sorted(ended["BoundingCaps"]) == ["CAP_NET_ADMIN", "CAP_NET_RAW"]
    assert not ended["HostConfig"]["Privileged"]


def test_its_probes_are_answered_over_both_families(pod):
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert [pod.probe(kind, address=address) for address in addresses(pod)] == [200, 200], kind


def test_doctor_finds_nothing_wrong_from_within_the_sidecar(node, pod):
    done = node.podman("exec", "nginx-sidelock", "sidelock", "doctor", "--ports=80", check=False)
    assert done.returncode == 0 and " 0 failed" in done.stdout, done.stdout


def test_sigterm_ends_the_sidecar_with_code_zero_once_the_transfer_is_done(node, folder):
    played = documents.of_kind(documents.load(documents.MANIFESTS / "nginx-sidecar.yaml"), "Pod")
    played["metadata"]["name"] = "ending"
    played["spec"]["volumes"][0]["secret"]["secretName"] = "ending-tls"
    with Pod(node, played, secrets=[tls_secret("ending-tls", folder)]) as pod:
        pod.wait_until_ready()
        node.podman("exec", "ending-nginx", "dd", "if=/dev/zero", "of=/var/www/html/large", "bs=1M", "count=40", "status=none")
        (node.share / "transfer.sh").write_text(
            'curl --silent --limit-rate 8M --output /share/large --cacert /share/ca.crt --connect-to "$1:80:$2:80" "https://$1:80/large"\n'
            'echo $? >/share/transfer.code\n')
        for name in ("large", "transfer.code"):
            (node.share / name).unlink(missing_ok=True)
        node.run("sh", "-c", 'sh /share/transfer.sh "$@" >/dev/null 2>&1 &', "start", NAME, pod.ipv4)
        wait_until(lambda: (node.share / "large").exists(), "the transfer to begin")
        pod.signal("sidelock")
        assert pod.exit_code("sidelock") == 0, pod.messages("sidelock")
        wait_until((node.share / "transfer.code").exists, "the transfer to end")
        assert (node.share / "transfer.code").read_text() == "0\n"
        assert (node.share / "large").stat().st_size == 40 << 20
