"""The image under an OCI runtime with what containerd gives under a kubelet: to a non-root user no ambient capability.

podman gives added capabilities as ambient ones too, with which a program without file capabilities would work as well.
"""

import json

import pytest

BOTH = ["CAP_NET_ADMIN", "CAP_NET_RAW"]


@pytest.fixture(scope="module")
def root(node):
    """The image's files, with the folders that a runtime mounts over; copying keeps the file's capabilities."""
    mounted = node.podman("image", "mount", "localhost/sidelock:0.1.0").stdout.strip()
    node.run("cp", "--archive", mounted, "/srv/sidelock")
    node.run("mkdir", "/srv/sidelock/proc", "/srv/sidelock/sys", "/srv/sidelock/dev")
    return "/srv/sidelock"


def start(node, root, capabilities, *arguments):
    """Runs the program to its end in a network namespace of its own; no_new_privs, read-only, all but what is given dropped."""
    bundle = f"/tmp/bundle-{len(capabilities)}-{arguments[0]}"
    node.run("mkdir", "--parents", bundle)
    node.run("crun", "spec", "--bundle", bundle, check=False)
    configuration = json.loads(node.run("cat", f"{bundle}/config.json").stdout)
    configuration["root"] = {"path": root, "readonly": True}
    configuration["process"].update(
        terminal=False, args=["/usr/bin/sidelock", *arguments], user={"uid": 19100, "gid": 19100}, noNewPrivileges=True,
        capabilities={"bounding": capabilities, "permitted": capabilities, "effective": capabilities, "inheritable": [], "ambient": []})
    node.run("sh", "-c", f"cat >{bundle}/config.json", input=json.dumps(configuration))
    name = bundle.rsplit("/", 1)[1]
    return node.run("crun", "--cgroup-manager=disabled", "run", "--bundle", bundle, name, check=False)


def test_init_raises_what_its_file_gives_it(node, root):
    done = start(node, root, BOTH, "init", "--ports=80")
    assert done.returncode == 0, done


def test_with_net_admin_alone_init_uses_nftables(node, root):
    done = start(node, root, BOTH[:1], "init", "--ports=80")
    assert done.returncode == 0 and "nftables" in done.stdout, done


def test_with_everything_dropped_init_starts_and_says_what_is_missing(node, root):
    done = start(node, root, [], "init", "--ports=80")
    assert done.returncode == 3 and "NET_ADMIN" in done.stdout, done


def test_with_everything_dropped_the_sidecar_starts_as_well(node, root):
    done = start(node, root, [], "version")
    assert done.returncode == 0 and done.stdout.startswith("sidelock"), done
