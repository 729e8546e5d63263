"""Sidelock in a pod: its network namespace, the app in it, and a client in another namespace at the other end of a veth
pair, so that packets take the way that the capture rules lie on."""

import contextlib
import os
import subprocess

from . import machine
from .systems import Server

POD_ADDRESS = "10.99.0.2"
CLIENT_ADDRESS = "10.99.0.1"
FIRST_PORT = 8000
EXPLICIT_PORT = 18443  # where the client connects when nothing is captured

# How connections come to sidelock, by name, and the settings that say so.
WAYS = {
    "none": ["--capture", "none"],
    "redirect": ["--capture", "redirect", "--backend", "iptables"],
    "redirect, nftables": ["--capture", "redirect", "--backend", "nftables"],
    "tproxy": ["--capture", "tproxy", "--backend", "iptables"],
    "tproxy, nftables": ["--capture", "tproxy", "--backend", "nftables"],
    "preserve-source": ["--capture", "redirect", "--preserve-source", "require"],
}


def offered_ways(programs, say):
    """The ways whose rules this build's init can install in this kernel; says which it cannot."""
    ways = ["none"]
    for way in WAYS:
        if way == "none":
            continue
        with Namespaces() as namespaces:
            done = _init(programs, inside(namespaces.pod), [*WAYS[way], "--ports", str(FIRST_PORT), "--ip-family", "ipv4"])
        if done.returncode == 0:
            ways.append(way)
        else:
            say(f"{way} is left out: {(done.stdout + done.stderr).strip().splitlines()[-1]}")
    return ways


def _init(programs, prefix, settings):
    return subprocess.run([*prefix, programs.sidelock, "init", *settings], capture_output=True, text=True, check=False)


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Namespaces:
    """Two of them and the veth pair between. Context manager: leaving it removes them."""

    _made = 0

    def __enter__(self):
        Namespaces._made += 1
        self.pod, self.client = (f"sidelock-bench-{os.getpid()}-{Namespaces._made}-{end}" for end in ("pod", "client"))
        with contextlib.ExitStack() as undo:
            for name in (self.pod, self.client):
                _ip("netns", "add", name)
                undo.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
            _ip("-netns", self.pod, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.client)
            for name, address in ((self.pod, POD_ADDRESS), (self.client, CLIENT_ADDRESS)):
                _ip("-netns", name, "address", "add", f"{address}/24", "dev", "eth0")
                _ip("-netns", name, "link", "set", "eth0", "up")
                machine.prepare_network(inside(name))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self._undo.close()


def inside(namespace):
    return ["nsenter", f"--net=/run/netns/{namespace}"]


class Pod:
    """Sidelock with `ports` captured ports in front of an app at the last of them. Context manager."""

    def __init__(self, systems, folder, way, ports=1):
        self.name = way
        self._programs = systems.programs
        self._folder = folder
        self._credential = systems.credential("ecdsa")
        self._way = way
        self._first, self._last = FIRST_PORT, FIRST_PORT + ports - 1

    @property
    def is_tls(self):
        return True

    @property
    def target(self):
        return f"{POD_ADDRESS}:{EXPLICIT_PORT if self._way == 'none' else self._last}"

    @property
    def prefix(self):
        """For a client of this pod."""
        return inside(self._namespaces.client)

    @property
    def pids(self):
        return self._sidelock.pid, self._app.pid

    def __enter__(self):
        self._folder.mkdir()
        with contextlib.ExitStack() as running:
            self._namespaces = running.enter_context(Namespaces())
            prefix = inside(self._namespaces.pod)
            app = Server("app", [self._programs.app, f"0.0.0.0:{self._last}"], self._last, self._folder / "app.log",
                         cpu=machine.LOAD_CPU, prefix=prefix)
            self._app = running.enter_context(app).wait_until_listening()
            settings, port = self._settings()
            if self._way != "none":
                done = _init(self._programs, prefix, settings)
                if done.returncode != 0:
                    raise RuntimeError(f"init failed for {self._way}: {done.stdout}{done.stderr}")
            command = [self._programs.sidelock, "run", *settings, "--tls-dir", self._credential.folder, "--workers", "1",
                       "--access-log", "off"]
            sidelock = Server(self._way, command, port, self._folder / "log", prefix=prefix)
            self._sidelock = running.enter_context(sidelock).wait_until_listening()
            self._running = running.pop_all()
        return self

    def __exit__(self, *_):
        self._running.close()

    def _settings(self):
        """Of init and run, and a port that tells when run is listening."""
        chosen = WAYS[self._way]
        if self._way == "none":
            pair = f"{POD_ADDRESS}:{EXPLICIT_PORT}={POD_ADDRESS}:{self._last}"
            return [*chosen, "--listen", pair], EXPLICIT_PORT
        capture_port_base = 19100
        return [*chosen, "--ports", f"{self._first}-{self._last}", "--ip-family", "ipv4"], capture_port_base
