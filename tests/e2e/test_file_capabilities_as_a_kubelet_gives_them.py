"""A non-root user with no_new_privs: the binary's file capabilities (+p) are all it has, as in a container."""

import ctypes
import os
import shutil
import subprocess

import pytest

from support.captured import saved_rules
from support.process import binary, clean_environment

pytestmark = pytest.mark.netns

PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
CAP_NET_ADMIN, CAP_NET_RAW, LAST_CAP = 12, 13, 40


@pytest.fixture
def capable_binary(tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    copy = tmp_path / "sidelock"
    shutil.copy(binary(), copy)
    subprocess.run(["setcap", "cap_net_admin,cap_net_raw+p", str(copy)], check=True)
    return copy


def as_container(bounding):
    """What a container runtime does before it starts a non-root process: bounded, permitted kept, none ambient."""
    libc = ctypes.CDLL(None)

    def become():
        for capability in range(LAST_CAP + 1):
            if capability not in bounding:
                libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(19100, 19100, 19100)
        os.setresuid(19100, 19100, 19100)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return become


def init(lab, program, bounding, backend="auto"):
    # A process with file capabilities may not be traced, which LeakSanitizer would do.
    environment = clean_environment(ASAN_OPTIONS="detect_leaks=0")
    command = [str(program), "init", "--ports", "80", "--backend", backend]
    return lab.pod.enter(lambda: subprocess.run(command, preexec_fn=as_container(bounding), env=environment,
                                                capture_output=True, text=True, timeout=60, check=False))


def nft_tables(lab):
    return lab.pod.run("nft", "list", "tables").stdout


def test_init_raises_what_the_file_gives_it(lab, capable_binary):
    done = init(lab, capable_binary, {CAP_NET_ADMIN, CAP_NET_RAW}, "iptables")
    assert done.returncode == 0, done
    assert "SIDELOCK_IN" in saved_rules(lab.pod)


@pytest.mark.parametrize("backend", ["auto", "nftables"])
def test_net_admin_alone_is_enough_for_nftables(lab, capable_binary, backend):
    done = init(lab, capable_binary, {CAP_NET_ADMIN}, backend)
    assert done.returncode == 0, done
    assert "inet sidelock" in nft_tables(lab)


@pytest.mark.parametrize("backend, named", [("iptables", "NET_ADMIN and NET_RAW"), ("auto", "NET_ADMIN")])
def test_the_same_file_starts_where_all_capabilities_are_dropped_and_says_what_is_missing(lab, capable_binary, backend, named):
    done = init(lab, capable_binary, set(), backend)
    assert done.returncode == 3, done
    assert f"missing: {named}" in done.stdout
    assert "SIDELOCK_IN" not in saved_rules(lab.pod) and "sidelock" not in nft_tables(lab)


def run_tproxy(lab, program, bounding):
    """A run that finds no rules: it ends with 5 once it listens, and with 3 when it may not."""
    environment = clean_environment(ASAN_OPTIONS="detect_leaks=0")
    command = [str(program), "run", "--capture", "tproxy", "--ports", "80", "--self-signed", "localhost", "--capture-timeout", "1ms"]
    return lab.pod.enter(lambda: subprocess.run(command, preexec_fn=as_container(bounding), env=environment,
                                                capture_output=True, text=True, timeout=60, check=False))


def test_run_raises_net_raw_and_needs_no_more(lab, capable_binary):
    done = run_tproxy(lab, capable_binary, {CAP_NET_RAW})
    assert done.returncode == 5, done


def test_run_starts_without_net_raw_and_says_that_it_is_missing(lab, capable_binary):
    done = run_tproxy(lab, capable_binary, set())
    assert done.returncode == 3, done
    assert "NET_RAW" in done.stdout
