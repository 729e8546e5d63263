"""One file with key and chain, the PKCS#8 key first, as a podCertificate volume has it."""

import ssl

import pytest

from support.client import connect, context
from support.pki import Ca
from support.process import run_command
from support.secret import Secret
from support.waiting import wait_until


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Ca(tmp_path_factory.mktemp("root"), "Root")


@pytest.fixture(scope="module")
def issuer(root, tmp_path_factory):
    """Below the root: a client that knows the root alone needs the whole chain."""
    return Ca(tmp_path_factory.mktemp("issuer"), "Issuer", parent=root)


def served_name(port, root, name="localhost", ciphers=None):
    tls = context(root, version=ssl.TLSVersion.TLSv1_2 if ciphers else None)
    if ciphers:
        tls.set_ciphers(ciphers)
    with connect(port) as plain, tls.wrap_socket(plain, server_hostname=name) as client:
        return client.getpeercert()["subjectAltName"][-1][1]


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_a_bundle_is_served_with_its_chain_and_renewed_by_the_swap_of_its_volume(run, echo_app, root, issuer, tmp_path, key):
    first, second = (issuer.server("localhost", name, key=key) for name in ("first.example", "second.example"))
    assert first.bundle.read_text().startswith("-----BEGIN PRIVATE KEY-----"), "PKCS#8"
    volume = Secret(tmp_path / "volume")
    volume.publish(credentialbundle_pem=first.bundle)
    with run(echo_app.port, credential=("--tls-cert-file", str(volume.folder / "credentialbundle.pem"))) as sidelock:
        assert served_name(sidelock.port, root) == "first.example"
        volume.publish(credentialbundle_pem=second.bundle)
        wait_until(lambda: served_name(sidelock.port, root) == "second.example", "the new bundle")


def mismatched(pair, other, path):
    """The key of one, the chain of the other."""
    path.write_bytes(other.key.read_bytes() + pair.certificate.read_bytes())
    return path


@pytest.mark.parametrize("keys", [("ec", "ec"), ("rsa", "ec")])
def test_a_bundle_whose_key_is_anothers_is_refused_until_it_is_mended(run, echo_app, root, issuer, tmp_path, keys):
    first = issuer.server("localhost", "first.example")
    second, other = (issuer.server("localhost", f"{name}.example", key=key) for name, key in zip(("second", "other"), keys))
    volume = Secret(tmp_path / "volume")
    volume.publish(credentialbundle_pem=first.bundle)
    file = volume.folder / "credentialbundle.pem"
    with run(echo_app.port, credential=("--tls-cert-file", str(file)), expected_errors=("not reloaded",)) as sidelock:
        volume.publish(credentialbundle_pem=mismatched(second, other, tmp_path / "mismatched"))
        message = sidelock.wait_for_message("not reloaded")
        assert "the private key does not belong to the certificate" in message and "credentialbundle.pem" in message
        assert served_name(sidelock.port, root) == "first.example"
        volume.publish(credentialbundle_pem=second.bundle)
        wait_until(lambda: served_name(sidelock.port, root) == "second.example", "the mended bundle")


def test_a_bundle_that_is_written_in_place_and_half_is_never_served(run, echo_app, root, issuer, tmp_path):
    first, second = (issuer.server("localhost", name) for name in ("first.example", "second.example"))
    file = tmp_path / "bundle.pem"
    file.write_bytes(first.bundle.read_bytes())
    file.chmod(0o600)
    text = second.bundle.read_bytes()
    with run(echo_app.port, credential=("--tls-cert-file", str(file)), expected_errors=("not reloaded",)) as sidelock:
        file.write_bytes(text[:text.index(b"-----BEGIN CERTIFICATE-----") + 100])
        assert str(file) in sidelock.wait_for_message("not reloaded")
        assert served_name(sidelock.port, root) == "first.example"
        file.write_bytes(text)
        wait_until(lambda: served_name(sidelock.port, root) == "second.example", "the whole bundle")


def test_bundles_of_both_kinds_stand_side_by_side(run, echo_app, root, issuer):
    rsa, ec = (issuer.server("localhost", f"{key}.example", key=key) for key in ("rsa", "ec"))
    with run(echo_app.port, credential=("--tls-cert-file", str(rsa.bundle), "--tls-cert-file", str(ec.bundle))) as sidelock:
        for ciphers, name in (("ECDHE-RSA-AES128-GCM-SHA256", "rsa.example"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ec.example")):
            assert served_name(sidelock.port, root, ciphers=ciphers) == name


def test_a_bundle_whose_key_is_anothers_ends_the_start_with_six(issuer, tmp_path, free_port):
    bundle = mismatched(issuer.server("localhost"), issuer.server("other"), tmp_path / "bundle.pem")
    done = run_command(["run", "--capture", "none", "--listen", f"127.0.0.1:{free_port()}=127.0.0.1:1", "--tls-cert-file", str(bundle)])
    assert done.returncode == 6 and str(bundle) in done.stdout + done.stderr, done
