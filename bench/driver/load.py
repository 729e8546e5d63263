"""The load generator as a process: it warms up, waits for the word, works, and tells its counts."""

import json
import subprocess

from . import machine

LIMIT_SECONDS = 120


class Load:
    """`bench-load MODE --to ...`. Context manager: leaving it ends what is left of it."""

    def __init__(self, programs, target, mode, *arguments, is_tls=True, prefix=()):
        command = machine.pinned(machine.LOAD_CPU, programs.load, mode, "--to", target, *map(str, arguments))
        if not is_tls:
            command.append("--plain")
        self._process = subprocess.Popen([*prefix, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def pid(self):
        return self._process.pid

    def _next(self, event):
        line = self._process.stdout.readline()
        told = json.loads(line) if line else {}
        if told.get("event") != event:
            raise RuntimeError(f"the load generator said {line!r} and not {event}")
        return told

    def wait_until_ready(self):
        self._next("ready")

    def go(self):
        """Gives the word and waits for the end of the work."""
        self.begin()
        return self.end()

    def begin(self):
        self._say()

    def end(self):
        return self._next("done")

    def let_go(self):
        """Ends what `idle` holds."""
        self._say()
        self._process.wait(LIMIT_SECONDS)

    def _say(self):
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            self._process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
