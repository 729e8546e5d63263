"""The program under test as a process: its log, its exit code, and what it uses."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

from .waiting import DEADLINE, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]


def binary():
    """The program to test: SIDELOCK_BINARY, else what the default build made."""
    named = os.environ.get("SIDELOCK_BINARY")
    if named:
        return named
    for candidate in (ROOT / "build" / "sidelock", ROOT / "build" / "gcc" / "sidelock"):
        if candidate.exists():
            return str(candidate)
    raise AssertionError("no sidelock binary: build it, or name it in SIDELOCK_BINARY")


def measuring_program(name):
    """A program of bench/, from the same build as the program to test."""
    return str(pathlib.Path(binary()).parent / "bench" / name)


IS_SANITIZED = os.environ.get("SIDELOCK_SANITIZED") == "1"


def clean_environment(**more):
    """This environment without settings of sidelock's, and with what a test adds."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SIDELOCK_")}
    kept.update(more)
    return kept


def run_command(arguments, prefix=(), environment=None, timeout=DEADLINE):
    """Runs `sidelock ARGUMENTS` to its end; returns the CompletedProcess with text output."""
    return subprocess.run([*prefix, binary(), *arguments], env=environment or clean_environment(), text=True,
                          capture_output=True, timeout=timeout, check=False)


def threads_capabilities(pid):
    """The permitted capabilities of each thread as a number, which are also the effective ones; none is ambient."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        values = dict(line.split(":\t") for line in (task / "status").read_text().splitlines() if ":\t" in line)
        assert int(values["CapAmb"], 16) == 0 and values["NoNewPrivs"] == "1"
        assert values["CapEff"] == values["CapPrm"]
        found.append(int(values["CapPrm"], 16))
    return found


class Sidelock:
    """`sidelock run` with a JSON log. Use it as a context manager: leaving it checks that nothing was left behind."""

    def __init__(self, arguments, log_path, prefix=(), environment=None, expected_errors=(), stdout=None):
        self.log_path = pathlib.Path(log_path)
        self.error_path = self.log_path.with_suffix(".stderr")
        self.expected_errors = expected_errors
        self.is_leak_checked = True
        self.exit_code = None
        self._baseline = None
        with open(self.log_path, "wb") as out, open(self.error_path, "wb") as err:
            self.process = subprocess.Popen(
                [*prefix, binary(), "run", *arguments], stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=err,
                env=environment or clean_environment())

    @property
    def pid(self):
        return self.process.pid

    # What it says.

    def lines(self):
        """The log so far, one dict for each line."""
        text = self.log_path.read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def messages(self):
        return [line["message"] for line in self.lines()]

    def access(self):
        """The access-log lines so far."""
        return [line for line in self.lines() if line["message"] == "connection"]

    def stderr(self):
        return self.error_path.read_text(errors="replace")

    def wait_for_message(self, part):
        return wait_until(lambda: next((m for m in self.messages() if part in m), None), f"a log line with {part!r}")

    def wait_until_ready(self, deadline=DEADLINE):
        def is_ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log_path.read_text()} {self.stderr()}"
            return any(message.startswith("ready") for message in self.messages())
        wait_until(is_ready, "sidelock to be ready", deadline)
        self._baseline = self.open_files()
        return self

    def wait_for_access(self, count):
        """Waits for at least `count` access-log lines and returns all of them."""
        return wait_until(lambda: lines if len(lines := self.access()) >= count else None, f"{count} access-log lines")

    def wait_for_outcome(self, outcome, count=1):
        """Waits for `count` connections that ended so; returns the last one's line."""
        def found():
            lines = [line for line in self.access() if line["outcome"] == outcome]
            # Of many within ten seconds the log has the first, and one line that counts the rest.
            more = sum(line["repeated"] for line in self.lines() if line["message"].endswith(f": connections that ended as {outcome}"))
            return lines if len(lines) + more >= count else None
        try:
            return wait_until(found, f"{count} connections with the outcome {outcome}")[-1]
        except AssertionError as error:
            raise AssertionError(f"{error}; there were {[line['outcome'] for line in self.access()]}") from None

    # What it uses.

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        return self._memory("Rss")

    def private_bytes(self):
        """What it alone has written to."""
        return self._memory("Private_Dirty")

    def _memory(self, kind):
        for line in pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {kind} in smaps_rollup")

    def cpu_ticks(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def children(self):
        found = []
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            found += (task / "children").read_text().split()
        return found

    # How it ends.

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE):
        self.exit_code = self.process.wait(timeout)
        return self.exit_code

    def check_nothing_leaked(self):
        wait_until(lambda: self.open_files() <= self._baseline,
                   f"file descriptors back at {self._baseline}, of {self.open_files()}")
        assert self.children() == []

    def check_log(self):
        for line in self.lines():
            is_expected = any(part in line["message"] for part in self.expected_errors)
            assert line["level"] != "error" or is_expected, line
        stderr = self.stderr()
        for mark in ("Sanitizer", "runtime error:"):
            assert mark not in stderr, stderr

    def stop(self):
        """SIGTERM, and the exit code of a clean end."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None and self.exit_code is None:
                if self._baseline is not None and self.is_leak_checked:
                    self.check_nothing_leaked()
                assert self.stop() == 0, self.log_path.read_text()
            if kind is None:
                self.check_log()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def ended_at_last():
    """A list for processes; those in it that still run at the end are killed."""
    started = []
    try:
        yield started
    finally:
        for each in started:
            if each.process.poll() is None:
                each.process.kill()
                each.process.wait()
