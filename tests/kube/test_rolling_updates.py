"""A Pod goes while clients come: what its containers do when they get the signals that a kubelet sends, in its order.

The endpoints are the file that the client reads its server's address from.
"""

import signal

import pytest

from cluster import documents
from cluster.pods import Pod, tls_secret
from support.waiting import wait_until

NAME = "web.example"
CLIENT = """
while [ ! -e /share/stop ]; do
  address=$(cat /share/endpoint)
  if curl --silent --max-time 20 --output /dev/null --cacert /share/ca.crt --connect-to "web.example:80:$address:80" https://web.example:80/
  then echo "$address" >>/share/served
  else echo "$address $?" >>/share/lost
  fi
done
touch /share/stopped
"""


class Client:
    """Asks for a page again and again, each time over a new connection, until the context ends."""

    def __init__(self, node):
        self._node, self._share = node, node.share
        for name in ("stop", "stopped", "served", "lost"):
            (self._share / name).unlink(missing_ok=True)
        (self._share / "client.sh").write_text(CLIENT)

    def served_by(self, address):
        file = self._share / "served"
        return file.read_text().split().count(address) if file.exists() else 0

    def lost(self):
        file = self._share / "lost"
        return file.read_text() if file.exists() else ""

    def serve_more_from(self, address):
        """Waits for a dozen more answers from there."""
        before = self.served_by(address)
        wait_until(lambda: self.lost() or self.served_by(address) >= before + 12, f"answers from {address}")

    def use(self, address):
        (self._share / "endpoint.new").write_text(address)
        (self._share / "endpoint.new").rename(self._share / "endpoint")

    def __enter__(self):
        self._node.run("sh", "-c", "sh /share/client.sh >/dev/null 2>&1 &")
        return self

    def __exit__(self, *_):
        (self._share / "stop").touch()
        wait_until((self._share / "stopped").exists, "the client to stop")


@pytest.fixture
def pods(node, authority, tmp_path):
    """pods(file) -> two Pods of the file's Deployment, the one that goes and the one that comes."""
    started = []
    authority.issue(NAME, tmp_path)
    (node.share / "ca.crt").write_bytes(authority.certificate.read_bytes())

    def start(file):
        for name in ("old", "new"):
            started.append(Pod(node, documents.variant(file, name), secrets=[tls_secret(f"{name}-tls", tmp_path)]))
            started[-1].__enter__().wait_until_ready()
        return started

    yield start
    for pod in started:
        pod.remove()


def test_the_apps_own_probe_speaks_tls_and_would_fail_without(pods):
    old, _ = pods("deployment.yaml")
    assert old.probe("readinessProbe", "web") == 200
    assert old.node.run("curl", "--silent", "--max-time", "10", f"http://{old.ipv4}:80/", check=False).returncode != 0


def test_with_the_native_sidecar_no_request_is_lost(node, pods):
    old, new = pods("deployment.yaml")
    client = Client(node)
    client.use(old.ipv4)
    with client:
        # The app is in its preStop, and the endpoints do not know yet.
        client.serve_more_from(old.ipv4)
        client.use(new.ipv4)
        client.serve_more_from(new.ipv4)
        old.signal("web", signal.SIGQUIT)
        assert old.exit_code("web") == 0
        old.signal("sidelock")
        assert old.exit_code("sidelock") == 0, old.messages("sidelock")
        client.serve_more_from(new.ipv4)
    assert client.lost() == ""


def test_with_the_classic_sidecar_no_request_is_lost(node, pods):
    old, new = pods("classic-sidecar.yaml")
    client = Client(node)
    client.use(old.ipv4)
    with client:
        client.serve_more_from(old.ipv4)
        # Both get their signal at once, but the app is in its preStop.
        old.signal("sidelock")
        wait_until(lambda: old.probe("readinessProbe") == 503, "the readiness to fail")
        client.serve_more_from(old.ipv4)
        client.use(new.ipv4)
        assert old.exit_code("sidelock") == 0, old.messages("sidelock")
        old.signal("web", signal.SIGQUIT)
        assert old.exit_code("web") == 0
        client.serve_more_from(new.ipv4)
    assert client.lost() == ""
