"""init again with other settings: no moment in which a client outside gets an answer from the app itself."""

import itertools
import random
import select
import socket
import threading

import pytest

from support import apps
from support.captured import POD4, POD6, init
from support.process import IS_SANITIZED

pytestmark = pytest.mark.netns

KINDS = list(itertools.product(("redirect", "tproxy"), ("iptables", "nftables")))
ROUNDS = 2 if IS_SANITIZED else 3
AT_ONCE = 16
# Several ranges twice: they are sets and maps in nftables, of which a packet may meet neither the old nor the new one.
PORTS = ("80", "80-99,443", "80-94,443-460", "*")


def changes(seed):
    """Settings in whose order each kind follows each other kind, and itself, as often as there are rounds."""
    choose = random.Random(seed)
    to_go = {kind: ROUNDS * KINDS for kind in KINDS}
    kind = KINDS[0]
    # An Eulerian circuit: every kind is left as often as it is entered.
    path, circuit = [kind], []
    for ways in to_go.values():
        choose.shuffle(ways)
    while path:
        if to_go[path[-1]]:
            path.append(to_go[path[-1]].pop())
        else:
            circuit.append(path.pop())
    for mode, backend in reversed(circuit):
        settings = ("--capture", mode, "--backend", backend, "--ports", choose.choice(PORTS),
                    "--hide-capture-ports", choose.choice(("on", "off")))
        # All nftables rules are made anew each time, and that moment is the delicate one.
        yield from [settings] * (2 if backend == "nftables" else 1)


class Hammer:
    """Threads in the client's namespace that keep opening connections to port 80 and sending what was never encrypted.
    Context manager."""

    def __init__(self, lab):
        self.attempts = 0
        self.answered = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=lab.client.enter, args=(lambda to=address: self._attack(to),))
                         for address in (POD4, POD6) for _ in range(2)]

    def _attack(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        while not self._is_over.is_set():
            sockets = [socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(AT_ONCE)]
            for each in sockets:
                each.connect_ex((address, 80))
            _, ended, _ = select.select([], sockets, [], 0.005)
            for each in ended:
                # Nobody listens on a capture port here, so who gets through to somebody got through to the app.
                if each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    self.answered.append(each.getsockname())
                    each.send(b"in plain text")
            self.attempts += len(sockets)
            for each in sockets:
                each.close()

    def wait_for_more(self):
        before = self.attempts
        while self.attempts < before + 4 * AT_ONCE and all(thread.is_alive() for thread in self._threads):
            self._is_over.wait(0.001)
        assert all(thread.is_alive() for thread in self._threads)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()


def test_no_client_gets_through_to_the_app_during_more_than_fifty_changes(lab):
    first, *others = changes(seed=20261125)
    assert len(others) > 50 or IS_SANITIZED
    assert init(lab.pod, *first).returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        with Hammer(lab) as hammer:
            before = first
            for settings in others:
                hammer.wait_for_more()
                done = init(lab.pod, *settings)
                assert done.returncode == 0, done
                assert hammer.answered == [], (before, settings)
                before = settings
        assert hammer.answered == [] and app.seen == []
