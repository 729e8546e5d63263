"""doctor finds what would have clients refused whose certificates are good."""

import pytest

from support.doctor import Report
from support.pki import HOUR, Ca
from support.process import run_command


@pytest.fixture
def ca(tmp_path):
    return Ca(tmp_path / "ca", "Client CA")


def doctor(tls_folder, ca_file, crl=None, prefix=()):
    lists = ("--client-crl-file", str(crl)) if crl else ()
    return Report(run_command(["doctor", "--output", "json", "--capture", "none", "--listen", "8443=8080", "--tls-dir", str(tls_folder),
                               "--client-auth", "require", "--client-ca-file", str(ca_file), *lists], prefix=prefix))


def test_good_authorities_and_lists(tls_folder, ca, tmp_path):
    doctor(tls_folder, ca.certificate).expect("clients", "ok", "authorities: 1, revocation lists: 0")
    doctor(tls_folder, ca.certificate, ca.crl(tmp_path / "crl")).expect("clients", "ok", "authorities: 1, revocation lists: 1")


@pytest.mark.parametrize("text, detail", [(None, "No such file"), ("nothing", "no usable certificate")])
def test_authorities_that_cannot_be_used(tls_folder, tmp_path, text, detail):
    path = tmp_path / "ca.crt"
    if text:
        path.write_text(text)
    found = doctor(tls_folder, path)
    found.expect("clients", "failed", detail, "--client-ca-file", code=6)
    assert found.status("credential") == "ok", "the fault is told where it is"


@pytest.mark.parametrize("text, detail", [(None, "No such file"), ("nothing", "no usable revocation list")])
def test_lists_that_cannot_be_used(tls_folder, ca, tmp_path, text, detail):
    path = tmp_path / "crl.pem"
    if text:
        path.write_text(text)
    doctor(tls_folder, ca.certificate, path).expect("clients", "failed", detail, "--client-crl-file", code=6)


def test_a_list_that_is_out_of_date(tls_folder, ca, tmp_path):
    crl = ca.crl(tmp_path / "crl", begins=-3 * HOUR, ends=-HOUR)
    doctor(tls_folder, ca.certificate, crl).expect("clients", "failed", "the revocation list of CN=Client CA is out of date since", "renew", code=6)


def test_a_list_of_tomorrow(tls_folder, ca, tmp_path):
    crl = ca.crl(tmp_path / "crl", begins=HOUR, ends=3 * HOUR)
    doctor(tls_folder, ca.certificate, crl).expect("clients", "failed", "the revocation list of CN=Client CA is not valid before", code=6)


def test_an_authority_without_a_list(tls_folder, ca, tmp_path):
    other = Ca(tmp_path / "other", "Other CA")
    doctor(tls_folder, ca.certificate, other.crl(tmp_path / "crl")).expect(
        "clients", "failed", "the authority CN=Client CA has no revocation list", code=6)


def test_an_authority_that_has_expired(tls_folder, tmp_path):
    old = Ca(tmp_path / "old", "Old CA", begins=-3 * HOUR, ends=-HOUR)
    doctor(tls_folder, old.certificate).expect("clients", "failed", "the authority CN=Old CA expired at", "renew", code=6)


def test_a_file_that_this_user_may_not_read(tls_folder, ca):
    for each in (ca.folder, *ca.folder.parents, tls_folder, *tls_folder.parents):
        if str(each).startswith("/tmp/"):
            each.chmod(0o755)
    ca.certificate.chmod(0o600)
    nobody = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all")
    doctor(tls_folder, ca.certificate, prefix=nobody).expect(
        "clients", "failed", "Permission denied", f"let uid 19100 read {ca.certificate}", code=6)


def test_nothing_is_said_where_no_client_is_asked(tls_folder):
    found = Report(run_command(["doctor", "--output", "json", "--capture", "none", "--listen", "8443=8080", "--tls-dir", str(tls_folder)]))
    assert "clients" not in found.checks
