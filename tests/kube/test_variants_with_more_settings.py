"""variants/preserved-source.yaml and client-certificates.yaml, played by podman: what each of them adds to the others."""

import pytest

from cluster import documents
from cluster.pods import Pod, tls_secret
from support.pki import Ca
from support.waiting import wait_until

NAME = "web.example"
ACCESS_LOG = "/var/log/nginx/access.log"
# What podman gives to the node's end of the network `pods`.
GATEWAYS = {"10.78.0.1", "fd78::1"}


@pytest.fixture(scope="module")
def authority_of_all(node):
    """In the node's /share: ca.crt, and folders with tls.crt and tls.key for the server, for client.example and another client."""
    authority = Ca(node.share / "variants")
    authority.server(NAME, folder=node.share / "variants" / "server")
    for name in ("client.example", "other.example"):
        authority.issue(name, [name], folder=node.share / "variants" / name)
    return authority


def secret(authority, name):
    """With ca.crt beside the server's pair."""
    (authority.folder / "server" / "ca.crt").write_bytes(authority.certificate.read_bytes())
    return tls_secret(name, authority.folder / "server", files=("tls.crt", "tls.key", "ca.crt"))


def fetch(node, address, *options):
    return node.run("curl", "--silent", "--show-error", "--max-time", "20", "--cacert", "/share/variants/ca.crt",
                    "--connect-to", f"{NAME}:80:{address}:80", *options, f"https://{NAME}:80/", check=False)


def test_the_app_sees_the_clients_addresses_of_both_families(node, authority_of_all):
    played = documents.variant("preserved-source.yaml", "preserved")
    with Pod(node, played, secrets=[secret(authority_of_all, "preserved-tls")]) as pod:
        pod.wait_until_ready()
        for address in (pod.ipv4, f"[{pod.ipv6}]"):
            page = fetch(node, address)
            assert "Welcome to nginx" in page.stdout, page

        def seen():
            lines = node.podman("exec", "preserved-web", "cat", ACCESS_LOG).stdout.splitlines()
            return {line.split()[0] for line in lines}
        wait_until(lambda: len(seen()) == 2, "nginx to log both clients")
        assert seen() == GATEWAYS


def test_only_the_client_that_is_allowed_gets_in(node, authority_of_all):
    played = documents.variant("client-certificates.yaml", "mutual")
    with Pod(node, played, secrets=[secret(authority_of_all, "mutual-tls")]) as pod:
        pod.wait_until_ready()
        for name, welcome in (("client.example", True), ("other.example", False), (None, False)):
            files = ["--cert", f"/share/variants/{name}/tls.crt", "--key", f"/share/variants/{name}/tls.key"] if name else []
            page = fetch(node, pod.ipv4, *files)
            assert ("Welcome to nginx" in page.stdout) == welcome and (page.returncode == 0) == welcome, page
