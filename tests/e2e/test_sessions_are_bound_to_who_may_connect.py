"""A ticket opens nothing that a full handshake would not: other ports, revoked and expired clients, changed authorities."""

import datetime
import ssl

import pytest

from support.mutual_tls import client_context, require, visit
from support.pki import HOUR, NOW, Ca
from support.waiting import wait_until

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def ca(tmp_path):
    return Ca(tmp_path / "client-ca", "Client CA")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_with_a_certificate_resumes_and_is_known(run, echo_app, ca, version):
    tls = client_context(ca.issue("web"), version)
    with run(echo_app.port, *require(ca, "--allow-cn", "web")) as sidelock:
        session, _ = visit(sidelock.port, tls)
        assert visit(sidelock.port, tls, session)[1]
        lines = sidelock.wait_for_access(2)
        assert [line["tls.client.subject"] for line in lines] == ["CN=web", "CN=web"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("strict", ["client-auth=require", "client-auth=require,allow-cn=other"])
def test_a_ticket_of_one_port_opens_no_stricter_one(run, echo_app, ca, free_port, version, strict):
    second = free_port()
    first_policy = "client-auth=none" if strict.count("=") == 1 else "client-auth=require"
    tls = client_context(ca.issue("web") if "allow" in strict else None, version)
    with run(echo_app.port, "--client-ca-file", str(ca.certificate), "--port-policy", f"{second}:{strict}", "--client-auth",
             first_policy.partition("=")[2], more_ports=(second,)) as sidelock:
        session, _ = visit(sidelock.port, tls)
        with pytest.raises((ssl.SSLError, OSError)):
            visit(second, tls, session)
        sidelock.wait_for_outcome("client_not_allowed" if "allow" in strict else "client_cert_missing")
        assert len(echo_app.seen) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revoked_client_is_refused_after_the_reload_also_with_its_ticket(run, echo_app, ca, tmp_path, version):
    crl = ca.crl(tmp_path / "crl.pem")
    web = ca.issue("web")
    tls = client_context(web, version)
    with run(echo_app.port, *require(ca, "--client-crl-file", str(crl))) as sidelock:
        session, _ = visit(sidelock.port, tls)
        assert visit(sidelock.port, tls, session)[1]
        session, _ = visit(sidelock.port, tls)
        ca.revoke(web)
        ca.crl(crl)
        sidelock.wait_for_message("credential reloaded")
        for ticket in (session, None):
            with pytest.raises(ssl.SSLError, match="(?i)certificate.revoked"):
                visit(sidelock.port, tls, ticket)
        assert "certificate revoked" in sidelock.wait_for_outcome("client_cert_invalid", 2)["error.message"]
        visit(sidelock.port, client_context(ca.issue("other"), version))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_of_an_authority_that_is_gone_is_refused_also_with_its_ticket(run, echo_app, ca, tmp_path, version):
    other = Ca(tmp_path / "other", "Other CA")
    trusted = tmp_path / "trusted.crt"
    trusted.write_bytes(ca.certificate.read_bytes() + other.certificate.read_bytes())
    tls = client_context(ca.issue("web"), version)
    with run(echo_app.port, "--client-auth", "require", "--client-ca-file", str(trusted)) as sidelock:
        session, _ = visit(sidelock.port, tls)
        trusted.write_bytes(other.certificate.read_bytes())
        sidelock.wait_for_message("credential reloaded")
        with pytest.raises(ssl.SSLError, match="(?i)unknown.ca"):
            visit(sidelock.port, tls, session)
        visit(sidelock.port, client_context(other.issue("web"), version))
        sidelock.wait_for_outcome("client_cert_invalid")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_ends_with_its_clients_certificate(run, echo_app, ca, version):
    short = datetime.datetime.utcnow() - NOW + datetime.timedelta(seconds=9)
    web = ca.issue("web", ends=short)
    tls = client_context(web, version)
    with run(echo_app.port, *require(ca)) as sidelock:
        session, _ = visit(sidelock.port, tls)
        assert session.ticket_lifetime_hint <= 10

        def is_refused():
            try:
                nonlocal session
                session, _ = visit(sidelock.port, tls, session)
                return False
            except (OSError, AssertionError) as error:
                # Under TLS 1.2 nothing can tell a client whose handshake was under way: it ends, or is reset.
                assert "CERTIFICATE_EXPIRED" in str(error) or version == ssl.TLSVersion.TLSv1_2
                return True
        wait_until(is_refused, "the certificate's end")
        for ticket in (session, None):
            with pytest.raises(ssl.SSLError, match="(?i)certificate.expired"):
                visit(sidelock.port, tls, ticket)
        assert "expired" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]


def test_every_authority_needs_a_revocation_list_and_one_that_is_out_of_date_refuses(run, echo_app, ca, tmp_path):
    crl = ca.crl(tmp_path / "crl.pem")
    below = Ca(tmp_path / "below", "Below", parent=ca)
    with run(echo_app.port, *require(ca, "--client-crl-file", str(crl))) as sidelock:
        visit(sidelock.port, client_context(ca.issue("web")))
        with pytest.raises(ssl.SSLError):
            visit(sidelock.port, client_context(below.issue("web")))
        assert "unable to get certificate CRL" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]
        ca.crl(crl, begins=-3 * HOUR, ends=-HOUR)
        sidelock.wait_for_message("out of date")
        sidelock.wait_for_message("credential reloaded")
        with pytest.raises(ssl.SSLError):
            visit(sidelock.port, client_context(ca.issue("web")))
        assert "CRL has expired" in sidelock.wait_for_outcome("client_cert_invalid", 2)["error.message"]


def test_bad_authorities_are_not_taken_over(run, echo_app, ca, tmp_path):
    trusted = tmp_path / "trusted.crt"
    trusted.write_bytes(ca.certificate.read_bytes())
    tls = client_context(ca.issue("web"))
    with run(echo_app.port, "--client-auth", "require", "--client-ca-file", str(trusted), expected_errors=("not reloaded",)) as sidelock:
        trusted.write_text("half a file")
        assert str(trusted) in sidelock.wait_for_message("not reloaded")
        visit(sidelock.port, tls)
