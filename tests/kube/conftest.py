"""Fixtures of the Kubernetes tests: the image, a node, and certificates."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

# Certificates and waiting are the same as in the end-to-end tests.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cluster.documents import ROOT, SIDELOCK_IMAGE  # noqa: E402
from cluster.node import Node  # noqa: E402
from support.certificates import Authority  # noqa: E402

NGINX_IMAGE = "localhost/nginx:1.28"
BUILD_NGINX = """
set -euo pipefail
podman image exists localhost/debian:trixie-slim || podman import --quiet /node/base.tar localhost/debian:trixie-slim
podman build --quiet --network host --pull=never --layers --tag "$1" /project/tests/kube/nginx
podman save --quiet --output /share/nginx.tar "$1"
"""
# Its last stage holds nothing but the program.
BUILD_EVALUATOR = """
set -euo pipefail
podman image exists localhost/debian:trixie-slim || podman import --quiet /node/base.tar localhost/debian:trixie-slim
podman build --quiet --network host --pull=never --layers --output /share /project/tests/kube/policy
"""


def script(*command):
    """Runs a script of the project; returns the last line that it prints."""
    done = subprocess.run([ROOT / "scripts" / command[0], *command[1:]], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()[-1] if done.stdout else ""


@pytest.fixture(scope="session")
def image():
    """The archive of the image: the one that SIDELOCK_IMAGE names, else built from this checkout."""
    return pathlib.Path(os.environ.get("SIDELOCK_IMAGE") or script("image", "--tag", SIDELOCK_IMAGE))


@pytest.fixture(scope="session")
def node(image, tmp_path_factory):
    """A node that has the images and a network for Pods with both families."""
    share = tmp_path_factory.mktemp("share")
    script("node", "--build", "--share", str(share), "bash", "-c", BUILD_NGINX, "build", NGINX_IMAGE)
    (share / "sidelock.tar").write_bytes(image.read_bytes())
    with Node(share) as made:
        for archive in ("sidelock.tar", "nginx.tar"):
            made.podman("load", "--quiet", "--input", f"/share/{archive}", timeout=280)
        made.podman("network", "create", "--ipv6", "--subnet", "10.78.0.0/24", "--subnet", "fd78::/64", "pods")
        yield made


@pytest.fixture(scope="session")
def evaluator(tmp_path_factory):
    """A program of ours that evaluates admission policies; see policy/evaluate.go."""
    share = tmp_path_factory.mktemp("evaluator")
    script("node", "--build", "--share", str(share), "bash", "-c", BUILD_EVALUATOR)
    return share / "evaluate"


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def schema():
    named = os.environ.get("SIDELOCK_KUBERNETES_SCHEMA")
    if not named:
        pytest.skip("SIDELOCK_KUBERNETES_SCHEMA names no JSON schema of Kubernetes' kinds")
    with open(named, encoding="utf-8") as file:
        return json.load(file)
