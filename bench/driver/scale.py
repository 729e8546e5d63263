"""What the captured path costs beside none, and how cost grows: with captured ports, with connections, with handshakes
at a time, and what thousands of idle connections do to the busy ones. Sidelock beside itself; and, where the kernel's own
state outgrows the caches too, what the same costs a peer and a relay without TLS."""

import contextlib
import os
import time

from . import machine
from .figures import KIB_PER_MIB
from .load import Load
from .pod import Pod, offered_ways

PORTS = (1, 10, 1000)
CONNECTIONS = (100, 1000, 9000)
AT_ONCE = (8, 64, 512)
BUSY = 500
IDLE = 9000


PATIENCE_SECONDS = 60


def wait_until_alone(server):
    """Until the connections of the measurement before have left: with this one's they could exceed the limit."""
    end = time.monotonic() + PATIENCE_SECONDS
    while max(len(os.listdir(f"/proc/{member}/fd")) for member in machine.process_tree(server.pid)) > BUSY:
        if time.monotonic() > end:
            raise RuntimeError(f"connections of {server.name} do not end")
        time.sleep(0.01)


class CapturedFigure:
    """Processor time of everybody in the pod and of its client: the price of a rule is paid by whoever sends a packet,
    while it is on its way (softirq)."""

    kind = "captured"

    def __init__(self, name, unit, mode, arguments, systems, per=1000.0, target=None):
        self.name, self.unit, self.target = name, unit, target
        self.systems, self.baseline = systems, systems[0]
        self._mode, self._arguments, self._per = mode, arguments, per

    def measure(self, programs, pod):
        with Load(programs, pod.target, self._mode, *self._arguments, prefix=pod.prefix) as load:
            load.wait_until_ready()
            members = (*pod.pids, load.pid)
            before = sum(map(machine.cpu_ns, members))
            window = machine.Window(pod.pids[0])
            told = load.go()
            _, foreign = window.end()
            spent = sum(map(machine.cpu_ns, members)) - before
        return spent / told["units"] / self._per, foreign


class GrowthFigure:
    """Server time for each unit, with more and more of something."""

    def __init__(self, name, unit, mode, arguments_of, target=1.10, kind="sidelock"):
        self.name, self.unit, self.target, self.kind = name, unit, target, kind
        self.systems = tuple(arguments_of)
        self.baseline = self.systems[0]
        self._mode, self._arguments_of = mode, arguments_of

    def measure(self, programs, server_and_system):
        server, system = server_and_system
        wait_until_alone(server)
        with Load(programs, server.target, self._mode, *self._arguments_of[system], is_tls=server.is_tls) as load:
            load.wait_until_ready()
            window = machine.Window(server.pid)
            told = load.go()
            spent, foreign = window.end()
        is_on_time = told.get("missed", 0) <= told["units"] / 100
        return spent / told["units"] / 1000, foreign if is_on_time else 1.0


class CrowdFigure:
    """The slowest hundredth of answers (p99) on busy connections, alone and beside many idle ones. App and load, which
    share a processor, run as soon as they can: by turns of milliseconds they would decide on the percentile."""

    name = f"p99 of {BUSY} busy connections, 4,000 requests/s"
    unit = "us"
    target = 2.0
    kind = "sidelock"
    systems = ("alone", f"beside {IDLE} idle")
    baseline = "alone"

    def __init__(self, duration_ms, app):
        self._app = app
        self._arguments = ["--connections", BUSY, "--rate", 4000, "--burst", 4, "--duration-ms", duration_ms]

    def measure(self, programs, server_and_system):
        server, system = server_and_system
        wait_until_alone(server)
        with contextlib.ExitStack() as crowd:
            if system != self.baseline:
                idle = crowd.enter_context(Load(programs, server.target, "idle", "--connections", IDLE))
                idle.wait_until_ready()
                idle.go()
            crowd.enter_context(machine.ahead_of_others(self._app.pid, rank=2))
            load = crowd.enter_context(Load(programs, server.target, "requests", *self._arguments))
            load.wait_until_ready()
            crowd.enter_context(machine.ahead_of_others(load.pid, rank=1))
            window = machine.Window(server.pid)
            told = load.go()
            _, foreign = window.end()
        return told["p99_us"], foreign


def captured(systems, folder, scale, running, say):
    """Figures, and a pod for each of their systems, all in `running`."""
    ways = tuple(offered_ways(systems.programs, say))
    size = int(256 * scale) * KIB_PER_MIB * KIB_PER_MIB
    handshakes = ["--connections", 8, "--count", int(600 * scale)]
    by_ports = tuple(f"{count:,} port{'s' if count > 1 else ''}" for count in PORTS)
    figures = [
        CapturedFigure("connection, captured", "us", "connections", handshakes, ways),
        CapturedFigure("1 KiB request, captured", "us", "requests",
                       ["--connections", 64, "--duration-ms", int(800 * scale)], ways),
        CapturedFigure("down, captured", "ns/KiB", "bulk",
                       ["--connections", 1, "--request-size", 64, "--answer-size", size], ways, per=1.0),
        CapturedFigure("up, captured", "ns/KiB", "bulk",
                       ["--connections", 1, "--request-size", size, "--answer-size", 64], ways, per=1.0),
        CapturedFigure("connection, to the last captured port", "us", "connections", handshakes, by_ports, target=1.10),
    ]
    pods = {}
    for number, way in enumerate(ways):
        pods[way, "captured"] = running.enter_context(Pod(systems, folder / f"way-{number}", way))
    for name, count in zip(by_ports, PORTS):
        pods[name, "captured"] = running.enter_context(Pod(systems, folder / f"ports-{count}", "redirect", count))
    return figures, pods


def growth(scale, app):
    """Figures; the kind of each names the server that it asks, in front of `app`."""
    duration_ms = int(1500 * scale)
    over_connections = {f"{count:,} connections": ["--connections", count, "--rate", 8000, "--burst", 8, "--duration-ms",
                                                   duration_ms] for count in CONNECTIONS}
    return [
        *(GrowthFigure(f"1 KiB request, 8,000/s, over ever more connections{told}", "us", "requests", over_connections,
                       target, kind)
          for kind, told, target in (("sidelock", "", 1.10), ("nginx", ", nginx", None),
                                     ("relay copy", ", relay copy", None))),
        GrowthFigure("full handshake, ever more at a time", "us", "connections",
                     {f"{count:,} at a time": ["--connections", count, "--count", int(1500 * scale)]
                      for count in AT_ONCE}),
        CrowdFigure(duration_ms, app),
    ]
