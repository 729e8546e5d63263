"""The kustomize components: what a user's kustomization becomes with them, compared with a golden file."""

import pytest
import yaml

from cluster import documents
from cluster.schema import errors

FOLDER = documents.ROOT / "tests" / "kube"


@pytest.fixture(scope="module")
def built(node):
    return node.run("kubectl", "kustomize", "/project/tests/kube/kustomize").stdout


@pytest.fixture(scope="module")
def workloads(built):
    return {document["kind"]: document for document in yaml.safe_load_all(built) if documents.pod_spec(document)}


def test_the_result_is_the_golden_one(built):
    golden = FOLDER / "golden" / "kustomize.yaml"
    assert built == golden.read_text(), "if this is wanted: scripts/node kubectl kustomize /project/tests/kube/kustomize >" + str(golden)


def test_sidelock_comes_before_the_init_containers_that_are_there(workloads):
    for kind, own in (("Deployment", []), ("StatefulSet", ["prepare"]), ("DaemonSet", [])):
        names = [each["name"] for each in documents.pod_spec(workloads[kind])["initContainers"]]
        assert names == ["sidelock-init", "sidelock", *own]


def test_probes_of_the_app_speak_tls_and_what_is_none_is_not_made_one(workloads):
    container = documents.pod_spec(workloads["Deployment"])["containers"][0]
    assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert container["livenessProbe"] == {"tcpSocket": {"port": "http"}}
    assert container["lifecycle"] == {"preStop": {"httpGet": {"path": "/leave", "port": "http", "scheme": "HTTPS"}}}
    assert "readinessProbe" not in documents.pod_spec(workloads["StatefulSet"])["containers"][0]
    for each in documents.pod_spec(workloads["Deployment"])["initContainers"]:
        assert "scheme" not in each.get("readinessProbe", {}).get("httpGet", {})


def test_the_result_keeps_to_the_strict_schema(built, schema):
    assert [error for document in yaml.safe_load_all(built) for error in errors(schema, document)] == []
