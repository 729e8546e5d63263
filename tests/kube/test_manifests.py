"""Every manifest: valid, `restricted` where it may be, with settings that the program takes, and without a secret."""

import re
import subprocess

import pytest

from cluster import documents
from cluster.documents import MANIFESTS, ROOT, SIDELOCK_IMAGE
from cluster.schema import errors
from support.process import binary, clean_environment

# With these alone `run` needs a capability.
NEED_RAW = ("--capture=tproxy", "--preserve-source=")

each_file = pytest.mark.parametrize("path", documents.every_manifest(), ids=lambda path: str(path.relative_to(MANIFESTS)))


def sidelock_containers(path):
    for document in documents.load(path):
        spec = documents.pod_spec(document)
        for container in documents.containers(spec) if spec else []:
            if "sidelock" in container["image"]:
                yield container


@each_file
def test_it_keeps_to_the_strict_schema(path, schema):
    assert [error for document in documents.load(path) for error in errors(schema, document)] == []


def test_the_schema_notices_a_misspelt_field(schema):
    pod = documents.of_kind(documents.load(MANIFESTS / "nginx.yaml"), "Pod")
    pod["spec"]["containers"][0]["volumeMount"] = []
    assert len(errors(schema, pod)) == 1


@each_file
def test_no_key_and_no_secret_is_in_it(path):
    text = path.read_text()
    assert not re.search(r"BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)|LS0tLS1CRUdJTi", text)
    assert "Secret" not in {document["kind"] for document in documents.load(path)}


@each_file
def test_its_sidelock_containers_are_restricted_but_for_what_init_adds_and_run_cannot_do_without(path):
    for container in sidelock_containers(path):
        needs_raw = any(argument.startswith(NEED_RAW) for argument in container["args"])
        added = ["NET_ADMIN", "NET_RAW"] if container["args"][0] == "init" else ["NET_RAW"] if needs_raw else []
        security = dict(container["securityContext"])
        capabilities = security.pop("capabilities")
        assert capabilities == {"drop": ["ALL"], **({"add": added} if added else {})}
        assert security == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsGroup": 19100,
                            "runAsNonRoot": True, "runAsUser": 19100, "seccompProfile": {"type": "RuntimeDefault"}}
        assert container["image"] == SIDELOCK_IMAGE
        assert container["resources"]["requests"] and "memory" in container["resources"]["limits"]


def test_without_capture_the_whole_pod_fits_a_restricted_namespace():
    spec = documents.pod_spec(documents.of_kind(documents.load(MANIFESTS / "variants" / "explicit.yaml"), "Deployment"))
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all(volume.keys() <= {"name", "secret", "configMap", "emptyDir", "projected"} for volume in spec["volumes"])
    for container in documents.containers(spec):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False and security["runAsNonRoot"] is True
        assert security["capabilities"] == {"drop": ["ALL"]} and security["seccompProfile"] == {"type": "RuntimeDefault"}


@each_file
def test_the_program_takes_the_settings_in_it(path, tmp_path):
    for container in sidelock_containers(path):
        arguments = list(container["args"])
        given = {variable["name"]: variable["value"] for variable in container.get("env", []) if "value" in variable}
        # init works in a network of its own; run ends for want of a certificate, which comes after the settings were accepted.
        prefix, expected = (documents.IN_A_NETWORK_OF_ITS_OWN, 0) if arguments[0] == "init" else ([], 6)
        done = subprocess.run([*prefix, binary(), *arguments], env=clean_environment(**given), capture_output=True, text=True,
                              timeout=60, check=False, cwd=tmp_path)
        assert done.returncode == expected, done


def test_the_nginx_container_and_the_service_are_those_of_the_plain_manifest_byte_for_byte():
    plain, protected = ((MANIFESTS / name).read_text() for name in ("nginx.yaml", "nginx-sidecar.yaml"))
    container = plain[plain.index("  containers:\n"):plain.index("---\n")]
    service = plain[plain.index("---\n"):]
    assert container in protected and protected.endswith(service)


def test_every_manifest_has_the_version_that_is_built():
    version = re.search(r"version: '(.*)',", (ROOT / "meson.build").read_text())[1]
    assert SIDELOCK_IMAGE.endswith(f":{version}")


def test_the_guide_names_every_manifest():
    guide = (ROOT / "docs" / "kubernetes.md").read_text()
    assert [path.name for path in documents.every_manifest() if path.name not in guide and path.name != "nginx.yaml"] == []
