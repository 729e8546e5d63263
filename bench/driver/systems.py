"""What is measured: sidelock, its peers and the floors, each started with one worker in front of the same app."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

from . import machine

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"
START_SECONDS = 10
ADMIN_PORTS = 1000  # above the port of each: several run at a time


class Programs:
    """Where the programs are that the build made."""

    def __init__(self, directory):
        self.sidelock = directory / "sidelock"
        self.app = directory / "bench" / "bench-app"
        self.load = directory / "bench" / "bench-load"
        self.relay = directory / "bench" / "bench-relay"
        self.tls_floor = directory / "bench" / "bench-tls-floor"


class Ports:
    """Ports on loopback, below the ephemeral range."""

    def __init__(self, first=21000):
        self._next = first

    def take(self):
        self._next += 1
        return self._next


class Credential:
    """A self-signed certificate, its key, and both in one file."""

    def __init__(self, folder, kind):
        self.folder = folder / kind
        self.folder.mkdir()
        self.certificate = self.folder / "tls.crt"
        self.key = self.folder / "tls.key"
        self.pem = self.folder / "both.pem"
        key_type = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", *key_type, "-subj", "/CN=bench", "-days", "30",
             "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        self.pem.write_text(self.certificate.read_text() + self.key.read_text())


class Server:
    """A process that listens on a port of loopback. Context manager: leaving it ends the process."""

    def __init__(self, name, command, port, log, is_tls=True, cpu=machine.SERVER_CPU, prefix=()):
        self.name = name
        self.port = port
        self.is_tls = is_tls
        self._log = log
        self._command = [*prefix, *machine.pinned(cpu, *command)]
        self._held_command = [*prefix, *machine.pinned(cpu, "sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *command)]
        self._process = None

    prefix = ()  # for its clients: they are where it is

    @property
    def pid(self):
        return self._process.pid

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    def _start(self, command):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __enter__(self):
        return self._start(self._command)

    @contextlib.contextmanager
    def held(self):
        """The process is there, and let_go() starts the program in it."""
        self._start(self._held_command)
        try:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            yield self
        finally:
            self.__exit__()

    def let_go(self):
        os.kill(self.pid, signal.SIGCONT)

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def is_listening(self):
        """Asked of the kernel, so that no measured process sees a connection that it did not expect."""
        wanted = f":{self.port:04X}"
        lines = []
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(OSError):  # it has ended, or there is no IPv6
                lines += pathlib.Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]
        return any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in map(str.split, lines))

    def wait_until_listening(self):
        end = time.monotonic() + START_SECONDS
        while not self.is_listening():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not start:\n{pathlib.Path(self._log).read_text()[-2000:]}")
            time.sleep(0.002)
        return self


def make_app(programs, folder, port):
    """The app behind all systems, beside the load generator."""
    return Server("app", [programs.app, f"127.0.0.1:{port}"], port, folder / "app.log", cpu=machine.LOAD_CPU)


class Systems:
    """Makes servers. Each has a folder for its configuration and its log."""

    TERMINATORS = ("sidelock", "nginx", "haproxy", "hitch")
    FLOORS = ("relay copy", "relay splice")

    def __init__(self, programs, folder, app_port):
        self.programs = programs
        self._folder = folder
        self._app_port = app_port
        self._ports = Ports()
        self._credentials = {kind: Credential(folder, kind) for kind in ("ecdsa", "rsa")}

    def credential(self, kind):
        return self._credentials[kind]

    def make(self, name, kind="ecdsa"):
        port = self._ports.take()
        folder = self._folder / f"{name.replace(' ', '-')}-{port}"
        folder.mkdir()
        credential = self._credentials[kind]
        command = {
            "sidelock": self._sidelock, "nginx": self._nginx, "haproxy": self._haproxy, "hitch": self._hitch,
            "relay copy": self._relay, "relay splice": self._relay,
        }[name](name, folder, port, credential)
        return Server(name, command, port, folder / "log", is_tls=name in self.TERMINATORS)

    def _sidelock(self, _name, _folder, port, credential):
        return [self.programs.sidelock, "run", "--capture", "none",
                "--listen", f"127.0.0.1:{port}=127.0.0.1:{self._app_port}",
                "--tls-dir", credential.folder, "--workers", "1", "--access-log", "off", "--drain-delay", "0s",
                "--admin-address", f"127.0.0.1:{port + ADMIN_PORTS}", "--status-address", "none"]

    def _nginx(self, _name, folder, port, credential):
        return ["nginx", "-p", folder, "-c", self._configuration("nginx.conf", folder, port, credential)]

    def _haproxy(self, _name, folder, port, credential):
        return ["haproxy", "-db", "-f", self._configuration("haproxy.cfg", folder, port, credential)]

    def _hitch(self, _name, folder, port, credential):
        return ["hitch", f"--config={self._configuration('hitch.conf', folder, port, credential)}"]

    def _relay(self, name, _folder, port, _credential):
        return [self.programs.relay, f"127.0.0.1:{port}", f"127.0.0.1:{self._app_port}", name.split()[1]]

    def _configuration(self, template, folder, port, credential):
        values = {
            "FOLDER": folder, "LISTEN": f"127.0.0.1:{port}", "APP": f"127.0.0.1:{self._app_port}",
            "ADDRESS": "127.0.0.1", "PORT": port, "APP_ADDRESS": "127.0.0.1", "APP_PORT": self._app_port,
            "CERTIFICATE": credential.certificate, "KEY": credential.key, "PEM": credential.pem,
        }
        path = folder / template
        path.write_text(re.sub("@([A-Z_]+)@", lambda match: str(values[match[1]]), (PEERS / template).read_text()))
        return path


def versions(programs):
    """Of everything measured, as each says it."""
    commands = {
        "sidelock": [programs.sidelock, "version"], "nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"],
        "hitch": ["hitch", "--version"], "openssl": ["openssl", "version"],
    }
    found = {}
    for name, command in commands.items():
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        found[name] = (shown.stdout or shown.stderr).strip().splitlines()[0]
    return found
