"""What the program does, counted from outside: its system calls (strace) and its instructions and calls (callgrind).

Every count is a difference between a run with little and a run with more of the same work, so that start, end and
whatever comes once cancel out; what is left is the price of the work alone, and hardly varies.
"""

import collections
import re

from support.waiting import wait_until


def per_unit(few, many, units):
    """Differences of two Counters for each of `units`, those that are not zero."""
    return {name: (many[name] - few[name]) / units for name in many if many[name] != few[name]}


def system_calls(run, app_port, trace, work, *settings):
    """Serves `work(sidelock)` with one worker under strace; returns a Counter of that worker's system calls by name."""
    # -D: the tracer is nobody's parent, so that the process is still ours to watch and to end.
    prefix = ("strace", "-D", "--follow-forks", "--output", str(trace))
    with run(app_port, "--workers", "1", "--access-log", "off", *settings, prefix=prefix) as sidelock:
        pid = sidelock.pid
        work(sidelock)
    # The tracer writes its last lines after the process has gone.
    wait_until(lambda: re.search(rf"^{pid} +\+\+\+ exited", trace.read_text(), re.MULTILINE), "the trace's end")
    # A call that another thread's call interrupts takes two lines; the second one says "resumed".
    calls = re.findall(r"^(\d+) +(\w+)\(", trace.read_text(), re.MULTILINE)
    worker = next(thread for thread, name in calls if name == "accept4")
    return collections.Counter(name for thread, name in calls if thread == worker)


class Profile:
    """The callgrind profile of one thread: all its instructions, and how often each function was called."""

    def __init__(self, text):
        self.instructions = int(re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[1])
        self.calls = collections.Counter()
        names = {}  # the file names each function once, and numbers it from then on
        callee = None
        for line in text.splitlines():
            if named := re.match(r"c?fn=\((\d+)\)(?: (.+))?", line):
                if named[2]:
                    names[named[1]] = named[2]
                if line.startswith("cfn="):
                    callee = named[1]
            elif line.startswith("calls="):
                self.calls[names[callee]] += int(line[len("calls="):].split()[0])


def profile(run, app_port, output, work, *settings):
    """Serves `work(sidelock)` with one worker under valgrind's callgrind; returns that worker's Profile."""
    for old in output.parent.glob(f"{output.name}-*"):
        old.unlink()
    prefix = ("valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={output}")
    # callgrind makes everything fifty times slower; where others are at work too, no ordinary limit holds.
    patient = ("--handshake-timeout", "5m", "--workers", "1", "--access-log", "off")
    with run(app_port, *patient, *settings, prefix=prefix, is_ready=False) as sidelock:
        sidelock.wait_until_ready(deadline=120)
        work(sidelock)
    threads = [Profile(path.read_text()) for path in output.parent.glob(f"{output.name}-*")]
    return next(thread for thread in threads if thread.calls["accept4"] > 0)
