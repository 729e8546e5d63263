"""doctor finds what clients will not accept about a certificate, and what keeps run from using it."""

import datetime
import os
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.doctor import Report
from support.process import run_command

DAY = datetime.timedelta(days=1)


def doctor(*credential, prefix=()):
    return Report(run_command(["doctor", "--output", "json", "--capture", "none", "--listen", "8443=8080", *credential], prefix=prefix))


@pytest.fixture
def folder(authority, tmp_path):
    """A good pair, to be spoilt."""
    authority.issue("localhost", tmp_path)
    (tmp_path / "tls.key").chmod(0o600)
    return tmp_path


def reissue(authority, folder, start=-DAY, end=DAY, usage=ExtendedKeyUsageOID.SERVER_AUTH, has_names=True):
    """A certificate for the folder's key with other contents."""
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    signer = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    key = serialization.load_pem_private_key((folder / "tls.key").read_bytes(), None)
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
            .issuer_name(issuer.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + start).not_valid_after(now + end).add_extension(x509.ExtendedKeyUsage([usage]), False))
    if has_names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    (folder / "tls.crt").write_bytes(made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def test_a_good_one_is_described(folder):
    found = doctor("--tls-dir", str(folder))
    found.expect("credential", "ok", "CN=localhost for localhost, 127.0.0.1, ::1, issued by CN=Test CA")
    assert found.status("clock") == "ok"
    assert "permissions" not in found.checks


def test_no_files(tmp_path):
    doctor("--tls-dir", str(tmp_path)).expect("credential", "failed", "No such file", "--tls-dir", code=6)


def test_a_certificate_with_the_key_of_another(authority, folder):
    other = authority.issue("other", folder / "other")[1]
    other.replace(folder / "tls.key")
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "the private key does not belong to the certificate", code=6)


def test_a_file_that_is_no_certificate(folder):
    (folder / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "no usable certificate", code=6)


def test_an_expired_certificate(authority, folder):
    reissue(authority, folder, start=-2 * DAY, end=-DAY)
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "the certificate expired at", code=6)


def test_a_certificate_that_expires_soon(authority, folder):
    reissue(authority, folder, start=-100 * DAY, end=5 * DAY)
    doctor("--tls-dir", str(folder)).expect("credential", "warning", "(4 days)", "renew it")


def test_a_certificate_of_tomorrow_speaks_against_the_clock(authority, folder):
    reissue(authority, folder, start=DAY, end=2 * DAY)
    found = doctor("--tls-dir", str(folder))
    found.expect("credential", "failed", "not valid before", code=6)
    found.expect("clock", "warning", "the clock shows", "set the node's clock")


def test_a_file_written_tomorrow_speaks_against_the_clock(folder):
    tomorrow = datetime.datetime.now().timestamp() + 86400
    os.utime(folder / "tls.crt", (tomorrow, tomorrow))
    doctor("--tls-dir", str(folder)).expect("clock", "warning", "was written at", "set the node's clock")


def test_a_chain_whose_second_certificate_is_not_the_issuer(authority, folder, tmp_path_factory):
    stranger = type(authority)(tmp_path_factory.mktemp("stranger"))
    with open(folder / "tls.crt", "ab") as chain:
        chain.write(stranger.certificate.read_bytes())
    # Both are called "Test CA": only the signature tells them apart.
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "the chain is broken: certificate 2 of the file", "issuers in order", code=6)


def test_a_chain_in_order(authority, folder):
    with open(folder / "tls.crt", "ab") as chain:
        chain.write(authority.certificate.read_bytes())
    doctor("--tls-dir", str(folder)).expect("credential", "ok", "(1 more in the file)")


def test_a_certificate_for_clients_only(authority, folder):
    reissue(authority, folder, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "not for servers", code=6)


def test_a_certificate_without_a_name(authority, folder):
    reissue(authority, folder, has_names=False)
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "no subjectAltName", code=6)


def test_a_key_too_weak_to_be_served(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak", "-addext", "subjectAltName=DNS:weak",
                    "-keyout", folder / "tls.key", "-out", folder / "tls.crt"], check=True, capture_output=True)
    doctor("--tls-dir", str(folder)).expect("credential", "failed", "too small", code=6)


def test_a_key_that_this_user_may_not_read(folder):
    (folder / "tls.crt").chmod(0o644)
    for each in (folder, *folder.parents):
        if str(each).startswith("/tmp/"):
            each.chmod(0o755)
    nobody = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all")
    found = doctor("--tls-dir", str(folder), prefix=nobody)
    found.expect("credential", "failed", "Permission denied", f"let uid 19100 read {folder}/tls.key", code=6)


def test_files_that_others_can_read_or_write(folder):
    (folder / "tls.key").chmod(0o644)
    doctor("--tls-dir", str(folder)).expect("permissions", "warning", "can be read by every user", "chmod")
    # As the kubelet mounts a Secret: readable within the container, and for nobody else.
    (folder / "..data").symlink_to(folder)
    assert "permissions" not in doctor("--tls-dir", str(folder)).checks
    (folder / "tls.key").chmod(0o620)
    doctor("--tls-dir", str(folder)).expect("permissions", "warning", "can be written by others", "chmod")


def test_a_throw_away_certificate():
    doctor("--self-signed", "localhost").expect("credential", "warning", "no client can verify", "--tls-dir")


def test_no_secret_is_printed(folder):
    done = run_command(["doctor", "--capture", "none", "--listen", "8443=8080", "--tls-dir", str(folder)])
    key = "".join((folder / "tls.key").read_text().splitlines()[1:-1])
    assert key[:20] not in done.stdout.replace("\n", "") and "PRIVATE" not in done.stdout
