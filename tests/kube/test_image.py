"""What is in the image, layer by layer, and what it says about itself."""

import io
import json
import re
import subprocess
import tarfile

import pytest

from cluster.documents import ROOT

# What fills it stands in docs/kubernetes.md.
LARGEST = 13_000_000  # most of it OpenSSL; see docs/decisions/0040


@pytest.fixture(scope="module")
def archive(image):
    """The configuration of the image and its layers as tar files."""
    with tarfile.open(image) as outer:
        def blob(digest):
            return outer.extractfile("blobs/" + digest.replace(":", "/")).read()
        index = json.load(outer.extractfile("index.json"))
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        configuration = json.loads(blob(manifest["config"]["digest"]))
        layers = [tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) for layer in manifest["layers"]]
    return configuration, layers


@pytest.fixture(scope="module")
def members(archive):
    return {f"/{member.name.removeprefix('./')}": member for layer in archive[1] for member in layer.getmembers()}


def test_it_is_small(members):
    sizes = {name: member.size for name, member in members.items() if member.isfile()}
    assert sum(sizes.values()) <= LARGEST, sorted(sizes.items(), key=lambda item: -item[1])


def test_it_holds_the_program_its_libraries_and_nothing_to_run_beside_it(members):
    runnable = {name for name, member in members.items() if member.isfile() and member.mode & 0o111}
    beside = {name for name in runnable if not re.search(r"^/usr/bin/sidelock$|/ld-linux[^/]*$|/lib[^/]*\.so[^/]*$", name)}
    assert "/usr/bin/sidelock" in runnable and beside == set()


def test_the_program_may_have_two_capabilities_and_the_effective_bit_is_not_set(members):
    # struct vfs_cap_data, revision 2, little-endian: the effective bit, permitted and inheritable, twice.
    value = members["/usr/bin/sidelock"].pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape")
    assert value == bytes.fromhex("00000002" "00300000" "00000000" "00000000" "00000000")


def test_nobody_but_root_can_change_a_file_and_no_file_changes_its_user(members):
    wrong = {name for name, member in members.items() if member.uid or member.gid or member.mode & 0o6022}
    assert wrong == set()


def test_no_layer_holds_a_key_or_a_certificate(archive):
    for layer in archive[1]:
        for member in filter(tarfile.TarInfo.isfile, layer.getmembers()):
            content = layer.extractfile(member).read()
            # The program itself knows the words of a PEM header, but no line of one.
            assert not re.search(rb"-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----\r?\n[A-Za-z0-9+/]{16}", content), member.name
            assert not re.search(r"\.(crt|pem|key|p12)$", member.name), member.name


def test_it_runs_the_program_as_a_user_without_rights_and_names_its_version(archive):
    configuration = archive[0]["config"]
    assert configuration["User"] == "19100:19100"
    assert configuration["Entrypoint"] == ["/usr/bin/sidelock"]
    assert not configuration.get("Cmd") and not configuration.get("ExposedPorts")
    # Without a signal of its own the runtime sends SIGTERM, which drains.
    assert configuration.get("StopSignal", "SIGTERM") == "SIGTERM"
    version = re.search(r"version: '(.*)',", (ROOT / "meson.build").read_text())[1]
    assert configuration["Labels"]["org.opencontainers.image.version"] == version
    assert f"ARG VERSION={version}\n" in (ROOT / "Containerfile").read_text()


def test_every_file_and_every_step_has_the_same_time(archive, members):
    assert len({member.mtime for name, member in members.items() if member.isfile()}) == 1
    assert {step["created"] for step in archive[0]["history"]} == {archive[0]["created"]}


def test_nothing_in_the_containerfile_depends_on_the_processor():
    text = (ROOT / "Containerfile").read_text()
    assert not re.search(r"x86|amd64|aarch64-|march|mtune", text)


def test_what_is_built_is_the_checkout(node):
    shown = node.podman("run", "--rm", "--network", "none", "localhost/sidelock:0.1.0", "version").stdout
    assert shown.startswith("sidelock 0.1.0") and "OpenSSL 3.5" in shown


def test_git_and_the_builder_ignore_what_is_not_compiled():
    listed = subprocess.run(["grep", "-v", "^#", ROOT / ".dockerignore"], capture_output=True, text=True, check=True).stdout.split()
    assert listed[0] == "*" and "!src" in listed and "!tests" not in listed
