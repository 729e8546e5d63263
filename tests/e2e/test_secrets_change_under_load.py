"""A thousand versions of a mounted Secret with certificate, authorities and revocation lists, while clients shake hands."""

import signal
import ssl
import threading

import pytest

from support.client import connect
from support.pki import Ca, pem
from support.process import IS_SANITIZED
from support.secret import Secret
from support.waiting import wait_until

pytestmark = [pytest.mark.threads, pytest.mark.slow]

SWAPS = 200 if IS_SANITIZED else 1000
REVOKED_AT = SWAPS // 2
# Each worker takes new files over by itself; a client's connections reach any of them.
SURELY_TOLD = 10


def client_context(pair, authority):
    made = ssl.create_default_context(cafile=str(authority.certificate))
    made.load_cert_chain(pair.certificate, pair.key)
    return made


def visit(port, tls, session=None):
    """Returns the session; raises when the client is refused, or the server's certificate is not its key's."""
    with connect(port) as plain, tls.wrap_socket(plain, server_hostname="localhost", session=session) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        return client.session


class Clients:
    """Threads that visit until they are told to stop, or fail."""

    def __init__(self, port, tls, count):
        self.port, self.tls = port, tls
        self.failures, self.visits, self.stop = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._visit) for _ in range(count)]

    def _visit(self):
        while not self.stop.is_set():
            try:
                visit(self.port, self.tls)
                self.visits += 1
            except (OSError, ssl.SSLError, AssertionError) as error:
                self.failures.append(repr(error))
                return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Versions:
    """Two versions that must not be mixed: in one the clients' authority is trusted itself, in the other it is below a root
    whose revocation list is needed too. Certificate and key differ as well."""

    def __init__(self, authority, folder):
        self.pairs = [authority.issue("localhost", folder / name, names=(name,)) for name in ("a.example", "b.example")]
        self.folder = folder
        self.clients, self.root = Ca(folder / "clients", "Clients"), Ca(folder / "root", "Root")
        self.crl = folder / "crl.pem"
        self.write_lists()

    def write_lists(self):
        own = self.clients.crl(self.folder / "own.crl").read_bytes()
        roots = self.root.crl(self.folder / "root.crl").read_bytes()
        self.lists = [self.folder / "list-0", self.folder / "list-1"]
        self.lists[0].write_bytes(own)
        self.lists[1].write_bytes(own + roots)

    def issue(self, name):
        """A client that is good in both versions: it sends the certificate that the root made for its authority."""
        pair = self.clients.issue(name)
        with open(pair.certificate, "ab") as file:
            file.write(pem(self.clients.cross_signed_by(self.root)))
        return pair

    def publish(self, secret, number):
        which = number % 2
        certificate, key = self.pairs[which]
        secret.publish(tls_crt=certificate, tls_key=key, ca_crt=(self.clients, self.root)[which].certificate,
                       ca_crl=self.lists[which])


def is_refused(port, tls, session=None):
    try:
        visit(port, tls, session)
        return False
    except ssl.SSLError as error:
        assert "REVOKED" in str(error), error
        return True


def test_no_handshake_fails_no_versions_are_mixed_and_the_revoked_stay_out(run, echo_app, authority, tmp_path):
    versions, secret = Versions(authority, tmp_path), Secret(tmp_path / "secret")
    versions.publish(secret, 0)
    bad_pair = versions.issue("bad")
    good, bad = client_context(versions.issue("good"), authority), client_context(bad_pair, authority)
    with run(echo_app.port, "--workers", "2", "--client-auth", "require", "--client-ca-file", str(secret.folder / "ca.crt"),
             "--client-crl-file", str(secret.folder / "ca.crl"), credential=("--tls-dir", str(secret.folder))) as sidelock:
        with Clients(sidelock.port, good, 3) as clients:
            def publish(number):
                versions.publish(secret, number)
                sidelock.signal(signal.SIGHUP)  # the watch alone would pass many versions over
                if number % 100 == 0:
                    count = clients.visits
                    wait_until(lambda: clients.visits >= count + 5 or clients.failures, "handshakes")

            for number in range(1, REVOKED_AT):
                publish(number)
            session = visit(sidelock.port, bad)
            versions.clients.revoke(bad_pair)
            versions.write_lists()
            publish(REVOKED_AT)
            refusals = 0

            def is_told():
                nonlocal refusals
                refusals = refusals + 1 if is_refused(sidelock.port, bad) else 0
                return refusals == SURELY_TOLD
            wait_until(is_told, "every worker to refuse the revoked client")
            for number in range(REVOKED_AT + 1, SWAPS + 1):
                publish(number)
                if number % 10 == 0:
                    assert is_refused(sidelock.port, bad) and is_refused(sidelock.port, bad, session)
        assert clients.failures == []
        last, _ = versions.pairs[SWAPS % 2]

        def is_last_served():
            with connect(sidelock.port) as plain, good.wrap_socket(plain, server_hostname="localhost") as client:
                return client.getpeercert(True) == ssl.PEM_cert_to_DER_cert(last.read_text())
        wait_until(is_last_served, "the last version")
