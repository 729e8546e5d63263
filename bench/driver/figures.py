"""The figures on loopback: how each is measured on one server, once."""

import contextlib
import json
import subprocess
import time

from . import machine
from .load import Load

KIB_PER_MIB = 1024
SECONDS_AT_REST = 1
# Of a processor that the server shares with one other: below, it has waited for work; above, the other one has not run.
LEAST_SHARE, MOST_SHARE = 0.40, 0.60


class CpuFigure:
    """Processor time of the server for each unit of the load's work. Where it is contended the server is what limits the
    rate, and never waits for work."""

    def __init__(self, name, unit, mode, arguments, systems, target=None, kind="ecdsa", per=1000.0, check=None,
                 is_contended=False):
        self.name = name
        self.unit = unit
        self.systems = systems
        self.target = target
        self.baseline = None
        self.kind = kind
        self._mode = mode
        self._arguments = arguments
        self._per = per  # nanoseconds in one of the unit
        self._check = check
        self._is_contended = is_contended

    def measure(self, programs, server):
        """(value, share of the processors that others used; 1 where the load could not do its work on time, or did not keep
        a server busy that is contended)."""
        surroundings = machine.contended_server_processor() if self._is_contended else contextlib.nullcontext()
        with surroundings, Load(programs, server.target, self._mode, *self._arguments, is_tls=server.is_tls) as load:
            load.wait_until_ready()
            window = machine.Window(server.pid)
            told = load.go()
            spent, foreign = window.end()
        is_on_time = self._check is None or self._check(server, told)
        if self._is_contended and not LEAST_SHARE <= window.share <= MOST_SHARE:
            is_on_time = False
        return spent / told["units"] / self._per, foreign if is_on_time else 1.0


def _was_resumed(server, told):
    if server.is_tls and told["resumed"] < told["units"]:
        raise RuntimeError(f"{server.name} resumed only {told['resumed']} of {told['units']} handshakes")
    return True


def _kept_pace(_server, told):
    return told["missed"] <= told["units"] / 100


def cpu_figures(scale, terminators, floors):
    """`scale` is 1 for the full run, less for a quick one."""
    bulk = int(512 * scale) * KIB_PER_MIB * KIB_PER_MIB
    down = ["--connections", 1, "--request-size", 64, "--answer-size", bulk]
    up = ["--connections", 1, "--request-size", bulk, "--answer-size", 64]
    connections = ["--connections", 8, "--count", int(1500 * scale)]
    paced = ["--connections", 64, "--duration-ms", int(1500 * scale)]
    copy = floors[:1]
    figures = [
        CpuFigure("full handshake, ECDSA", "us", "connections", connections, (*terminators, *copy), 0.88),
        CpuFigure("full handshake, RSA-2048", "us", "connections", connections, terminators, 0.95, kind="rsa"),
        CpuFigure("resumed handshake", "us", "connections", [*connections, "--resume"], terminators, 0.90,
                  check=_was_resumed),
        CpuFigure("1 KiB request, 8,000/s in bursts of 32", "us", "requests", [*paced, "--rate", 8000, "--burst", 32],
                  (*terminators, *copy), 0.95, check=_kept_pace),
        CpuFigure("1 KiB request, 8,000/s in bursts of 4", "us", "requests", [*paced, "--rate", 8000, "--burst", 4],
                  (*terminators, *copy), 0.95, check=_kept_pace),
        CpuFigure("1 KiB request, closed loop", "us", "requests", paced, (*terminators, *copy)),
    ]
    for count in (64, 256):
        figures.append(CpuFigure(f"1 KiB request, closed loop, {count} connections, contended", "us", "requests",
                                 ["--connections", count, "--duration-ms", int(1500 * scale)], (*terminators, *copy), 0.95,
                                 is_contended=True))
    for bits, suite in ((128, "TLS_AES_128_GCM_SHA256"), (256, "TLS_AES_256_GCM_SHA384")):
        for name, arguments, target in (("down", down, 0.80), ("up", up, 0.85)):
            for is_contended in (False, True):
                figures.append(CpuFigure(f"{name}, AES-{bits}{', contended' if is_contended else ''}", "ns/KiB", "bulk",
                                         [*arguments, "--ciphersuites", suite],
                                         (*terminators, *(copy if is_contended else floors)), target, per=1.0,
                                         is_contended=is_contended))
    return figures


class MemoryFigure:
    """Private memory that idle connections add, for each of them, and what is given back once they have gone."""

    def __init__(self, name, count, target=None):
        self.name = name
        self.unit = "KiB"
        self.target = target
        self.kind = "ecdsa"
        self.systems = ()
        self._count = count

    def measure(self, programs, server):
        with Load(programs, server.target, "connections", "--connections", 8, "--count", 50) as warm_up:
            warm_up.wait_until_ready()
            warm_up.go()
        before = machine.memory_kib(server.pid)
        with Load(programs, server.target, "idle", "--connections", self._count) as load:
            load.wait_until_ready()
            load.go()
            used = machine.memory_kib(server.pid) - before
            load.let_go()
        return used / self._count, 0.0


def memory_after_burst_mib(programs, server, count, seconds):
    """MiB above the start, some seconds after so many connections have gone."""
    before = machine.memory_kib(server.pid)
    with Load(programs, server.target, "idle", "--connections", count) as load:
        load.wait_until_ready()
        load.go()
        load.let_go()
    time.sleep(seconds)
    return (machine.memory_kib(server.pid) - before) / KIB_PER_MIB


def start_ms(programs, server):
    """From the start of the server's program to its first answer, over a connection that is asked for again and again
    from the start on. All that measures is there before. Needs awake_processors()."""
    with Load(programs, server.target, "first") as load:
        load.wait_until_ready()
        with server.held():
            load.begin()
            begin = time.monotonic_ns()
            server.let_go()
            load.end()
            return (time.monotonic_ns() - begin) / 1e6


def rest_mib(programs, server):
    """What a server holds that has answered once and has nothing more to do. One that listens may still be starting its
    workers."""
    with Load(programs, server.target, "idle", "--connections", 1) as load:
        load.wait_until_ready()
        load.go()
        load.let_go()
    time.sleep(SECONDS_AT_REST)
    return machine.resident_kib(server.pid) / KIB_PER_MIB


def tls_floor(programs, credential, count):
    """What OpenSSL itself costs a server, in nanoseconds: full, resumed, seal and open for each KiB."""
    command = machine.pinned(machine.SERVER_CPU, programs.tls_floor, credential.certificate, credential.key, count)
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def check_integrity(programs, server):
    """Bytes both ways, compared at both ends, in sizes around those of records and buffers."""
    for request, answer in ((16, 1), (1024, 1024), (16385, 70000), (300000, 5_000_000), (5_000_000, 300000)):
        with Load(programs, server.target, "bulk", "--connections", 4, "--count", 3, "--request-size", request,
                  "--answer-size", answer, is_tls=server.is_tls, prefix=server.prefix) as load:
            load.wait_until_ready()
            load.go()
