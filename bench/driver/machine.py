"""The machine while something is measured: processor clocks, memory, and who else was at work."""

import contextlib
import json
import os
import pathlib
import platform
import subprocess
import time

SERVER_CPU = 0  # what is measured
LOAD_CPU = 1  # the load generator and the app
PAGE = os.sysconf("SC_PAGE_SIZE")
# Of an entry of /proc/PID/pagemap; see Documentation/admin-guide/mm/pagemap.rst of Linux.
IS_PRESENT = 1 << 63
FRAME = (1 << 55) - 1


def pinned(cpu, *command):
    """The command on one processor. It gets a SIGTERM when the driver is gone, however that ended."""
    return ["setpriv", "--pdeathsig", "TERM", "taskset", "--cpu-list", str(cpu), *map(str, command)]


def process_tree(pid):
    """The process and all its descendants."""
    found = [pid]
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += process_tree(int(child))
    return found


def cpu_ns(pid):
    """Processor time of a process and its descendants so far, user and system, in nanoseconds (schedstat)."""
    total = 0
    for member in process_tree(pid):
        for task in _tasks(member):
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total


def memory_kib(pid, field="Private_Dirty"):
    """A field of smaps_rollup, summed over a process and its descendants."""
    total = 0
    for member in process_tree(pid):
        for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total


def resident_kib(pid):
    """What a process and its descendants have in memory, each page counted once, whoever else has it mapped too. PSS
    would be less while others on the machine happen to use the same libraries."""
    frames = set()
    for member in process_tree(pid):
        with open(f"/proc/{member}/pagemap", "rb", buffering=0) as pagemap:
            for line in pathlib.Path(f"/proc/{member}/maps").read_text().splitlines():
                begin, end = (int(address, 16) // PAGE for address in line.split()[0].split("-"))
                pagemap.seek(begin * 8)
                with contextlib.suppress(OSError, OverflowError):  # the kernel's own pages have no entries
                    entries = memoryview(pagemap.read((end - begin) * 8)).cast("Q")
                    frames |= {entry & FRAME for entry in entries if entry & IS_PRESENT}
    return len(frames - {0}) * PAGE // 1024


def _tasks(pid):
    with contextlib.suppress(OSError):
        return list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    return []


def prepare_network(prefix=()):
    """Brings a new network namespace up; `prefix` runs a command there. Reno is the congestion control that a namespace
    may always choose, and without loss it does what CUBIC, Linux's own default, does; BBR, a distribution's choice, sends
    by timers, which would be measured along."""
    shown = subprocess.run([*prefix, "ip", "-json", "link", "show", "lo"], check=True, capture_output=True, text=True).stdout
    if "UP" in json.loads(shown)[0]["flags"]:
        raise RuntimeError("this network is in use; run scripts/bench, which makes one")
    for command in (["ip", "link", "set", "lo", "up"], ["sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno"]):
        subprocess.run([*prefix, *command], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def _loop_on(cpu, *how):
    """Somebody who only counts, on this processor."""
    loop = subprocess.Popen(pinned(cpu, *how, "sh", "-c", "while :; do :; done"))
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


@contextlib.contextmanager
def awake_processors():
    """Keeps both processors from halting: a virtual processor that has to be woken makes everything dearer. The
    spinners run only when nobody else wants to (SCHED_IDLE)."""
    with _loop_on(SERVER_CPU, "chrt", "--idle", "0"), _loop_on(LOAD_CPU, "chrt", "--idle", "0"):
        yield


def contended_server_processor():
    """Somebody else wants the server's processor as much as the server does, and gets half of it."""
    return _loop_on(SERVER_CPU)


@contextlib.contextmanager
def ahead_of_others(pid, rank):
    """The process runs whenever it can, before whoever has a lower rank or none (SCHED_FIFO)."""
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(rank))
    try:
        yield
    finally:
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


class Window:
    """What passes between begin and end(): processor time of one process tree, and the share of both processors that
    nobody of ours used; needs awake_processors(), which makes ours all there is."""

    def __init__(self, pid):
        self._pid = pid
        self._ours = cpu_ns(os.getpid())
        self._server = cpu_ns(pid)
        self._begin = time.monotonic_ns()

    def end(self):
        server = cpu_ns(self._pid) - self._server
        ours = cpu_ns(os.getpid()) - self._ours
        wall = time.monotonic_ns() - self._begin
        self.share = server / wall  # of its processor that the server had
        processors = len({SERVER_CPU, LOAD_CPU})
        return server, max(0.0, 1 - ours / (wall * processors))


def describe():
    """What the figures depend on."""
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release()}
