#!/usr/bin/env python3
"""Measures sidelock and its peers side by side. Called by scripts/bench, whose --help explains it."""

import argparse
import contextlib
import datetime
import os
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from driver import figures, machine, report, rounds, scale as growing  # noqa: E402
from driver.results import Figure, Results  # noqa: E402
from driver.systems import Programs, Systems, make_app, versions  # noqa: E402

APP_PORT = 20999  # the systems listen on the ports above it
IDLE_CONNECTIONS = 2000
BURST = 9500
SECONDS_AFTER_BURST = 5
STARTS = 10


def say(text):
    print(f"-- {text}", file=sys.stderr, flush=True)


def measure_processor(results, systems, programs, scale, count, only):
    wanted = [figure for figure in figures.cpu_figures(scale, Systems.TERMINATORS, Systems.FLOORS) if only in figure.name]
    if not wanted:
        return
    with contextlib.ExitStack() as running:
        servers = {}
        for name, kind in sorted({(name, figure.kind) for figure in wanted for name in figure.systems}):
            server = running.enter_context(systems.make(name, kind)).wait_until_listening()
            figures.check_integrity(programs, server)
            servers[name, kind] = server
        running.enter_context(machine.awake_processors())
        made = rounds.run(wanted, servers, programs, count, say)
        floor = figures.tls_floor(programs, systems.credential("ecdsa"), int(1000 * scale))
    for figure in made:
        results.add(figure)
    for name, key, unit in (("full handshake, ECDSA", "full_ns", 1000), ("resumed handshake", "resumed_ns", 1000),
                            ("down, AES-128", "seal_ns_per_kib", 1), ("up, AES-128", "open_ns_per_kib", 1)):
        if figure := results.figure(name):
            figure.series("OpenSSL alone").values += [floor[key] / unit] * figure.needed


def measure_memory(results, systems, programs, only):
    idle = Figure("memory of an idle connection", "KiB", 0.90, 1)
    rest = Figure("memory at rest", "MiB", 1.0, 1)
    burst = Figure(f"memory kept {SECONDS_AFTER_BURST} s after {BURST} connections", "MiB", None, 1)
    start = Figure("start to first answer", "ms", 1.0)
    wanted = [results.add(figure) for figure in (idle, rest, burst, start) if only in figure.name]
    if wanted:
        say("memory and start")
    for name in Systems.TERMINATORS:
        if idle in wanted or rest in wanted:
            with systems.make(name) as server:
                server.wait_until_listening()
                rest.series(name).values.append(figures.rest_mib(programs, server))
                value, _ = figures.MemoryFigure(idle.name, IDLE_CONNECTIONS).measure(programs, server)
                idle.series(name).values.append(value)
        if burst in wanted:
            with systems.make(name) as server:
                server.wait_until_listening()
                burst.series(name).values.append(
                    figures.memory_after_burst_mib(programs, server, BURST, SECONDS_AFTER_BURST))
    if start in wanted:
        with machine.awake_processors():
            for _ in range(STARTS):
                for name in Systems.TERMINATORS:
                    start.series(name).values.append(figures.start_ms(programs, systems.make(name)))


def measure_captured(results, systems, programs, folder, scale, count):
    say("the captured path")
    with contextlib.ExitStack() as running:
        wanted, pods = growing.captured(systems, folder, scale, running, say)
        for pod in pods.values():
            figures.check_integrity(programs, pod)
        running.enter_context(machine.awake_processors())
        for figure in rounds.run(wanted, pods, programs, count, say):
            results.add(figure)


def measure_growth(results, systems, programs, app, scale, count, only):
    wanted = [figure for figure in growing.growth(scale, app) if only in figure.name]
    if not wanted:
        return
    say("how cost grows")
    with contextlib.ExitStack() as running:
        servers = {kind: running.enter_context(systems.make(kind)).wait_until_listening()
                   for kind in sorted({figure.kind for figure in wanted})}
        running.enter_context(machine.awake_processors())
        asked = {(system, figure.kind): (servers[figure.kind], system) for figure in wanted for system in figure.systems}
        for figure in rounds.run(wanted, asked, programs, count, say):
            results.add(figure)


def with_new_ones(before, results):
    """The results of an earlier run, with the figures that were measured again in the place of the old ones."""
    new = [figure for figure in results.figures if before.figure(figure.name) is None]
    before.figures = [results.figure(figure.name) or figure for figure in before.figures] + new
    return before


def show(results):
    for table in report.tables(results):
        print(report.as_markdown(table) + "\n")
    for line in report.disturbances(results):
        print(line)


def compare(before, after):
    read = [Results.from_json(pathlib.Path(path).read_text()) for path in (before, after)]
    print(report.as_markdown(report.comparison(*read)))


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--compare", nargs=2)
    given = parser.parse_args()
    if given.compare:
        return compare(*given.compare)
    # An interrupted run unwinds like any other: what it started ends, and its namespaces go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    machine.prepare_network()
    with machine.ahead_of_others(os.getpid(), rank=1):  # or it would fail after ten minutes
        pass
    programs = Programs(given.build)
    count = given.rounds or (2 if given.quick else 5)
    scale = 0.3 if given.quick else 1.0
    about = {"date": datetime.date.today().isoformat(), "rounds": count, "scale": scale, **machine.describe(),
             "versions": versions(programs)}
    results = Results(about)
    with tempfile.TemporaryDirectory(prefix="sidelock-bench-") as folder:
        folder = pathlib.Path(folder)
        with make_app(programs, folder, APP_PORT) as app:
            app.wait_until_listening()
            systems = Systems(programs, folder, APP_PORT)
            few = 1 if given.quick else min(3, count)
            measure_processor(results, systems, programs, scale, count, given.only)
            measure_memory(results, systems, programs, given.only)
            if not given.only:
                measure_captured(results, systems, programs, folder, scale, few)
            measure_growth(results, systems, programs, app, scale, count, given.only)
    if given.only and given.json and given.json.exists():
        results = with_new_ones(Results.from_json(given.json.read_text()), results)
    if given.json:
        given.json.write_text(results.to_json() + "\n")
    if given.plot:
        from driver import plot
        plot.draw(results, given.plot)
    if given.docs:
        from driver import document
        document.write(results)
    show(results)


if __name__ == "__main__":
    main()
