"""Without a signal: the symlink swap of Kubernetes, renames and in-place writes are noticed; half a pair never serves."""

import os

import pytest

from support.client import connect_tls, context, receive_exactly
from support.secret import Secret
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def served_name(port, authority):
    with connect_tls(port, tls=context(authority)) as client:
        names = [value for kind, value in client.getpeercert()["subjectAltName"] if kind == "DNS"]
        client.unwrap()
    return names[-1]


def test_the_symlink_swap_of_a_mounted_secret(run, echo_app, authority, tmp_path):
    secret = Secret(tmp_path / "secret")
    secret.publish_pair(*authority.issue("localhost", tmp_path / "first", names=("first.example",)))
    with run(echo_app.port, credential=("--tls-dir", str(secret.folder))) as sidelock:
        assert served_name(sidelock.port, authority) == "first.example"
        with connect_tls(sidelock.port, tls=context(authority)) as old:
            for name in ("second.example", "third.example"):
                secret.publish_pair(*authority.issue("localhost", tmp_path / name, names=(name,)))
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
