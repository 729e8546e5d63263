"""The variants that no other file plays, played by podman: what each of them adds to the others."""

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


def fetch(node, address, *options, port=80):
    return node.run("curl", "--silent", "--show-error", "--max-time", "20", "--cacert", "/share/variants/ca.crt",
                    "--connect-to", f"{NAME}:{port}:{address}:{port}", *options, f"https://{NAME}:{port}/", check=False)


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


# What the image that explicit.yaml names does of itself: nginx on 8080, as an ordinary user. On one line for podman's YAML.
UNPRIVILEGED_NGINX = " ".join((
    "echo 'pid /tmp/pid; events {} http { access_log off; server { listen 8080; listen [::]:8080; root /var/www/html;",
    "index index.nginx-debian.html; } client_body_temp_path /tmp/1; proxy_temp_path /tmp/2; fastcgi_temp_path /tmp/3;",
    "uwsgi_temp_path /tmp/4; scgi_temp_path /tmp/5; }' >/tmp/conf && exec nginx -c /tmp/conf -g 'daemon off; error_log stderr;'"))


def test_without_capture_no_container_has_a_capability_or_is_root(node, authority_of_all):
    played = documents.variant("explicit.yaml", "explicit")
    app = played["spec"]["containers"][0]
    app.update(image="nginx:1.28", command=["sh", "-c", UNPRIVILEGED_NGINX])
    app["securityContext"]["runAsUser"] = 33
    with Pod(node, played, secrets=[secret(authority_of_all, "explicit-tls")]) as pod:
        pod.wait_until_ready()
        for address in (pod.ipv4, f"[{pod.ipv6}]"):
            wait_until(lambda at=address: "Welcome to nginx" in fetch(node, at, port=8443).stdout, f"the page at {address}")
        for container, user in (("sidelock", "19100"), ("web", "33")):
            status = pod.process(container)
            assert set(status["Uid"].split()) == {user}
            assert {status[field].strip() for field in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        settings = [argument for argument in next(each for each in documents.containers(played["spec"]) if each["name"] == "sidelock")["args"] if argument != "run"]
        done = node.podman("exec", "explicit-sidelock", "sidelock", "doctor", *settings, check=False)
        assert done.returncode == 0 and " 0 failed" in done.stdout, done.stdout


def test_when_the_work_of_a_job_is_done_the_sidecar_ends_well_at_the_kubelets_signal(node, authority_of_all):
    played = documents.variant("job.yaml", "finite", kind="Job")
    with Pod(node, played, secrets=[secret(authority_of_all, "finite-tls")]) as pod:
        assert pod.exit_code("work") == 0
        # It does not end by itself, and a kubelet sends SIGTERM once the Pod's ordinary containers have ended.
        assert pod.inspect("sidelock")["State"]["Running"], pod.messages("sidelock")
        pod.signal("sidelock")
        assert pod.exit_code("sidelock") == 0, pod.messages("sidelock")
