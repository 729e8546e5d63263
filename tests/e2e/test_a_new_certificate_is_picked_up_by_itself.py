"""Without a signal: the symlink swap of Kubernetes, renames and in-place writes are noticed; half a pair never serves."""

import os
import shutil
import ssl
import threading

import pytest

from support.client import connect_tls, context, receive_exactly
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def served_name(port, authority):
    with connect_tls(port, tls=context(authority)) as client:
        names = [value for kind, value in client.getpeercert()["subjectAltName"] if kind == "DNS"]
        client.unwrap()
    return names[-1]


class Secret:
    """A folder as the kubelet mounts a Secret: tls.crt -> ..data/tls.crt, ..data -> a folder of the present version."""

    def __init__(self, folder):
        self.folder = folder
        self.version = 0
        folder.mkdir()
        for name in ("tls.crt", "tls.key"):
            (folder / name).symlink_to(f"..data/{name}")

    def publish(self, certificate, key):
        self.version += 1
        fresh = self.folder / f"..version_{self.version}"
        fresh.mkdir()
        shutil.copy(certificate, fresh / "tls.crt")
        shutil.copy(key, fresh / "tls.key")
        (self.folder / "..data_tmp").symlink_to(fresh.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        for old in self.folder.glob("..version_*"):
            if old != fresh:
                shutil.rmtree(old)


def test_the_symlink_swap_of_a_mounted_secret(run, echo_app, authority, tmp_path):
    secret = Secret(tmp_path / "secret")
    secret.publish(*authority.issue("localhost", tmp_path / "first", names=("first.example",)))
    with run(echo_app.port, credential=("--tls-dir", str(secret.folder))) as sidelock:
        assert served_name(sidelock.port, authority) == "first.example"
        with connect_tls(sidelock.port, tls=context(authority)) as old:
            for name in ("second.example", "third.example"):
                secret.publish(*authority.issue("localhost", tmp_path / name, names=(name,)))
                wait_until(lambda expected=name: served_name(sidelock.port, authority) == expected, name)
            old.sendall(b"still open")
            assert receive_exactly(old, 10) == b"still open"
            old.unwrap()


def test_files_that_are_renamed_into_place(run, echo_app, authority, tmp_path):
    folder = tmp_path / "tls"
    authority.issue("localhost", folder, names=("first.example",))
    with run(echo_app.port, credential=("--tls-dir", str(folder)), expected_errors=("not reloaded",)) as sidelock:
        certificate, key = authority.issue("localhost", tmp_path / "new", names=("second.example",))
        os.rename(key, folder / "tls.key")
        os.rename(certificate, folder / "tls.crt")
        wait_until(lambda: served_name(sidelock.port, authority) == "second.example", "the new certificate")


def test_half_a_pair_never_serves(run, echo_app, authority, tmp_path):
    folder = tmp_path / "tls"
    authority.issue("localhost", folder, names=("first.example",))
    certificate, key = authority.issue("localhost", tmp_path / "new", names=("second.example",))
    with run(echo_app.port, credential=("--tls-cert-file", str(folder / "tls.crt"), "--tls-private-key-file",
                                        str(folder / "tls.key")), expected_errors=("not reloaded",)) as sidelock:
        (folder / "tls.crt").write_bytes(certificate.read_bytes())
        assert "not reloaded" in sidelock.wait_for_message("not reloaded")
        assert served_name(sidelock.port, authority) == "first.example"
        (folder / "tls.key").write_bytes(key.read_bytes())
        wait_until(lambda: served_name(sidelock.port, authority) == "second.example", "the new pair")


@pytest.mark.slow
def test_no_handshake_fails_and_no_pair_is_mixed_while_secrets_change_under_load(run, echo_app, authority, tmp_path):
    pairs = [authority.issue("localhost", tmp_path / name, names=(name,)) for name in ("a.example", "b.example")]
    secret = Secret(tmp_path / "secret")
    secret.publish(*pairs[0])
    stop, failures, done = threading.Event(), [], []

    def shake_hands():
        while not stop.is_set():
            try:
                served_name(sidelock.port, authority)
                done.append(1)
            except (OSError, ssl.SSLError) as error:
                failures.append(repr(error))
                return

    with run(echo_app.port, "--workers", "2", credential=("--tls-dir", str(secret.folder))) as sidelock:
        threads = [threading.Thread(target=shake_hands) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(1, 1001):
            secret.publish(*pairs[number % 2])
            if number % 100 == 0:
                count = len(done)
                wait_until(lambda: len(done) >= count + 5 or failures, "handshakes")
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        wait_until(lambda: served_name(sidelock.port, authority) == "a.example", "the last version")
