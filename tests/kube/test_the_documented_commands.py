"""What docs/kubernetes.md tells a newcomer to type, typed: all of it that needs no cluster, with podman in its place."""

import re

import pytest
import yaml

from cluster import documents
from cluster.pods import Pod
from support.waiting import wait_until


def blocks():
    """The shell commands of each block under "From zero to HTTPS"."""
    text = (documents.ROOT / "docs" / "kubernetes.md").read_text()
    section = text[text.index("## From zero to HTTPS"):text.index("## Three ways")]
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def only(commands, beginning):
    found = [command for command in commands if command.startswith(beginning)]
    assert len(found) == 1, f"{len(found)} commands begin with {beginning}"
    return found[0]


class Newcomer:
    """Types commands in the node, in an empty folder of its own."""

    def __init__(self, node):
        self._node = node
        (node.share / "newcomer").mkdir()

    def types(self, command, check=True):
        return self._node.run("sh", "-c", f"cd /share/newcomer && {command}", check=check)


@pytest.fixture(scope="module")
def newcomer(node):
    return Newcomer(node)


@pytest.fixture(scope="module")
def pod(node, newcomer):
    prepare = blocks()[0]
    assert len(prepare) == 5
    newcomer.types(only(prepare, "openssl "))
    secret = newcomer.types(only(prepare, "kubectl create secret ") + " --dry-run=client --output yaml").stdout
    applied = documents.ROOT / only(prepare, "kubectl apply ").split()[-1]
    with Pod(node, documents.of_kind(documents.load(applied), "Pod"), secrets=[yaml.safe_load(secret)]) as played:
        yield played.wait_until_ready()


def test_https_is_verified_and_plain_http_gets_nothing(newcomer, pod):
    service = f"node={pod.ipv4} port=80; "
    https, plain = only(blocks()[1], "curl --cacert "), only(blocks()[1], "curl \"http:")
    wait_until(lambda: "Welcome to nginx" in newcomer.types(service + https, check=False).stdout, "the page over HTTPS")
    answer = newcomer.types(service + plain, check=False)
    assert answer.returncode != 0 and answer.stdout == "", answer


def test_doctor_finds_no_fault(node, pod):
    text = (documents.ROOT / "docs" / "kubernetes.md").read_text()
    arguments = re.search(r"kubectl exec nginx -c sidelock -- (sidelock doctor [^`]*)`", text)[1].split()
    done = node.podman("exec", f"{pod.name}-sidelock", *arguments, check=False)
    assert done.returncode == 0 and " 0 failed" in done.stdout, done
