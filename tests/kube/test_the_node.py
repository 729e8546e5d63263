"""The node itself: whatever ended it, nothing of it is left."""

import os
import pathlib
import re
import signal

import pytest

from cluster.node import Node
from support.waiting import wait_until

CACHE = pathlib.Path("/var/cache/sidelock/node")


def left_of(name):
    """The node's folder and its control groups, as far as they are there."""
    return [path for path in (CACHE / f"state.{name}", *pathlib.Path("/sys/fs/cgroup").glob(f"**/sidelock-node-{name}")) if path.exists()]


@pytest.fixture
def started(tmp_path):
    """A node with a process in it that would run for ever, and its name."""
    node = Node(tmp_path)
    try:
        node.run("sh", "-c", "sleep infinity >/dev/null 2>&1 &")
        name = re.search(r"sidelock-node-(\w+)", pathlib.Path(f"/proc/{node.pid}/cgroup").read_text())[1]
        assert left_of(name)
        yield node, name
    finally:
        node.stop()


def processes_in(namespace):
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns" / "pid") == namespace:
                found.append(process.name)
        except OSError:
            continue
    return found


def test_an_ended_node_leaves_no_process_no_folder_and_no_control_group(started):
    node, name = started
    namespace = os.readlink(f"/proc/{node.pid}/ns/pid")
    node.stop()
    assert processes_in(namespace) == []
    assert left_of(name) == []


def test_no_device_of_this_machine_can_be_changed_in_it(started):
    node, _ = started
    for device in ("null", "zero", "full", "random", "urandom", "tty"):
        assert not os.path.samefile(f"/dev/{device}", f"/proc/{node.pid}/root/dev/{device}"), device


def test_a_killed_node_takes_its_processes_along_and_the_next_one_removes_the_rest(started, tmp_path):
    node, name = started
    namespace = os.readlink(f"/proc/{node.pid}/ns/pid")
    node.signal(signal.SIGKILL)
    wait_until(lambda: processes_in(namespace) == [], "the processes of the node to end")
    with Node(tmp_path):
        assert left_of(name) == []
