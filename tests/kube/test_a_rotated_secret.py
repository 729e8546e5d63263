"""A Secret that changes while the sidecar runs, in a volume that is laid out and swapped as a kubelet does it."""

import shutil

import pytest

from cluster import documents
from cluster.pods import Pod
from cluster.secret_volume import SecretVolume
from support.waiting import wait_until

NAME = "nginx.example"


@pytest.fixture
def volume(node):
    folder = node.share / "secret"
    folder.mkdir()
    yield SecretVolume(folder)
    shutil.rmtree(folder)


def served_serial(node, address):
    shown = node.run("sh", "-c", f"openssl s_client -connect {address}:80 -servername {NAME} </dev/null 2>/dev/null | "
                                 "openssl x509 -noout -serial", check=False)
    return shown.stdout.strip()


def test_a_new_certificate_reaches_new_connections_without_a_restart(node, authority, tmp_path, volume):
    pod = documents.of_kind(documents.load(documents.MANIFESTS / "nginx-sidecar.yaml"), "Pod")
    pod["metadata"]["name"] = "rotated"
    pod["spec"]["volumes"] = [{"name": "sidelock-tls", "hostPath": {"path": "/share/secret", "type": "Directory"}}]
    volume.update(authority.issue(NAME, tmp_path / "first"))
    with Pod(node, pod) as rotated:
        rotated.wait_until_ready()
        first = served_serial(node, rotated.ipv4)
        assert first.startswith("serial=")
        process = rotated.process("sidelock")["Pid"]
        volume.update(authority.issue(NAME, tmp_path / "second"))
        wait_until(lambda: served_serial(node, rotated.ipv4) not in ("", first), "the new certificate")
        assert rotated.process("sidelock")["Pid"] == process
