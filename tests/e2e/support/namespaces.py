"""Network namespaces: a client and a pod joined by a veth pair, IPv4 and IPv6, removed whatever happens."""

import ctypes
import os
import subprocess
import threading

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

CLIENT4, POD4 = "10.77.0.9", "10.77.0.2"
CLIENT6, POD6 = "fd77::9", "fd77::2"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


def in_namespace(name, action):
    """Calls `action` in a thread that is in the namespace; sockets made there stay there."""
    if name is None:
        return action()
    outcome = {}

    def enter():
        try:
            with open(f"/run/netns/{name}") as file:
                if _LIBC.setns(file.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            outcome["value"] = action()
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class Namespace:
    """One namespace with lo up. `sysctl` sets what must hold before addresses come."""

    _count = 0

    def __init__(self, role):
        Namespace._count += 1
        self.name = f"sl{os.getpid()}-{Namespace._count}-{role}"
        ip("netns", "add", self.name)
        self.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
        ip("-n", self.name, "link", "set", "lo", "up")

    @property
    def prefix(self):
        return ("ip", "netns", "exec", self.name)

    def run(self, *command, check=True, **options):
        return subprocess.run([*self.prefix, *command], check=check, capture_output=True, text=True, **options)

    def enter(self, action):
        return in_namespace(self.name, action)

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


class Lab:
    """A client and a pod. Context manager."""

    def __init__(self, families=(4, 6)):
        self.client = Namespace("client")
        self.pod = None
        try:
            self.pod = Namespace("pod")
            self._join(families)
        except BaseException:
            self.remove()
            raise

    def _join(self, families):
        ip("link", "add", "eth0", "netns", self.client.name, "type", "veth", "peer", "name", "eth0", "netns", self.pod.name)
        for namespace, address4, address6 in ((self.client, CLIENT4, CLIENT6), (self.pod, POD4, POD6)):
            if 4 in families:
                ip("-n", namespace.name, "address", "add", f"{address4}/24", "dev", "eth0")
            if 6 in families:
                ip("-n", namespace.name, "address", "add", f"{address6}/64", "dev", "eth0", "nodad")
            ip("-n", namespace.name, "link", "set", "eth0", "up")
        if 4 not in families:
            ip("-n", self.pod.name, "address", "flush", "dev", "lo", "scope", "host", "to", "127.0.0.0/8")

    def remove(self):
        for namespace in (self.client, self.pod):
            if namespace is not None:
                namespace.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()
