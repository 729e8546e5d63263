"""doctor where operators run it: in the sidecar's container, which has no right to look at much, and beside it."""

import json
import shutil

import pytest

from cluster import documents
from cluster.pods import Pod
from cluster.secret_volume import SecretVolume
from support.waiting import wait_until

TLS_VOLUME = ("--volume", "/share/doctor:/etc/sidelock/tls:ro")


@pytest.fixture(scope="module")
def pod(node, authority, tmp_path_factory):
    volume = SecretVolume(node.share / "doctor")
    volume.folder.mkdir()
    volume.update(authority.issue("nginx.example", tmp_path_factory.mktemp("doctor")))
    played = documents.of_kind(documents.load(documents.MANIFESTS / "nginx-sidecar.yaml"), "Pod")
    played["metadata"]["name"] = "examined"
    played["spec"]["volumes"] = [{"name": "sidelock-tls", "hostPath": {"path": "/share/doctor", "type": "Directory"}}]
    with Pod(node, played) as examined:
        yield examined.wait_until_ready()
    shutil.rmtree(volume.folder)


def statuses(done):
    """The status of each check by its name; doctor's own output where it printed something else."""
    assert done.stdout.startswith("{"), done
    return {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}


def exec_doctor(pod, *settings):
    return pod.node.podman("exec", "examined-sidelock", "sidelock", "doctor", "--output=json", *settings, check=False)


def test_in_the_sidecar_it_finds_no_fault_and_says_what_it_may_not_see(pod):
    done = exec_doctor(pod, "--ports=80")
    found = statuses(done)
    assert {name for name, status in found.items() if status != "ok"} == {"privileges", "backend", "rules", "foreign", "meshes"}
    assert {found[name] for name in ("privileges", "backend", "rules", "foreign", "meshes")} == {"skipped"}, done.stdout
    assert found["self-test"] == "ok" and done.returncode == 0


def test_in_the_sidecar_it_finds_that_init_had_other_settings(pod):
    done = exec_doctor(pod, "--ports=81")
    assert statuses(done)["self-test"] == "failed" and done.returncode == 3


def test_in_a_container_beside_it_with_the_capabilities_it_sees_the_rules(pod):
    # What `kubectl debug --profile=netadmin` adds, with the image's own user.
    done = pod.node.podman("run", "--rm", "--pod", pod.name, "--cap-drop=all", "--cap-add=NET_ADMIN,NET_RAW",
                           *TLS_VOLUME, documents.SIDELOCK_IMAGE, "doctor", "--output=json", "--ports=80", check=False)
    assert set(statuses(done).values()) == {"ok"} and done.returncode == 0, done.stdout


def test_in_the_sidecar_it_finds_that_the_app_is_gone(pod):
    pod.signal("nginx", 9)
    wait_until(lambda: not pod.inspect("nginx")["State"]["Running"], "nginx to end")
    done = exec_doctor(pod, "--ports=80")
    assert {name for name, status in statuses(done).items() if status == "failed"} == {"app"} and done.returncode == 1, done.stdout
