"""What explain says of a client's certificate is what happens to a client with it."""

import json
import ssl

import pytest

from support.client import connect
from support.pki import HOUR, SERVER, Ca
from support.process import run_command


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Ca(tmp_path_factory.mktemp("client-ca"), "Client CA")


def explain(sidelock, app, tls_folder, flags, pair=None):
    """(the result, the text about the certificate)"""
    shown = ("--client-cert", str(pair.certificate)) if pair else ()
    done = run_command(["explain", "--output", "json", "--capture", "none", "--listen",
                        f"127.0.0.1:{sidelock.port}=127.0.0.1:{app.port}", "--tls-dir", str(tls_folder), *flags, *shown,
                        "127.0.0.1", f"127.0.0.1:{sidelock.port}"])
    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    return answer["result"], next((step["text"] for step in answer["steps"] if step["name"] == "client-cert"), None)


def visit(port, pair):
    """Tries to exchange a byte; under TLS 1.2 and 1.3 alike a client that is refused fails with an error."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_ciphers("DEFAULT@SECLEVEL=0")  # this client sends what it is given
    if pair:
        tls.load_cert_chain(pair.certificate, pair.key)
    try:
        with connect(port) as plain, tls.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
    except (ssl.SSLError, OSError):
        pass


def check(run, app, tls_folder, flags, visitors):
    """`visitors`: (pair or None, the result, a part of the text)."""
    with run(app.port, *flags) as sidelock:
        for number, (pair, expected, part) in enumerate(visitors, 1):
            result, text = explain(sidelock, app, tls_folder, flags, pair)
            assert result == expected and part in text, (result, text)
            visit(sidelock.port, pair)
            line = sidelock.wait_for_access(number)[-1]
            assert line["outcome"] in (("ok", "client_closed_bare") if result == "served" else (result,)), line
            if result in ("client_cert_invalid", "client_not_allowed"):
                assert text in line["error.message"], "the handshake gives the same reason"


def test_on_a_port_that_requires_one(run, echo_app, tls_folder, ca, tmp_path):
    flags = ("--client-auth", "require", "--client-ca-file", str(ca.certificate), "--allow-cn", "web", "--allow-uri", "spiffe://a/**")
    intermediate, deep = Ca(tmp_path / "below", "Below", parent=ca), ca
    for level in range(6):
        deep = Ca(tmp_path / f"level-{level}", f"Level {level}", parent=deep)
    check(run, echo_app, tls_folder, flags, [
        (None, "client_cert_missing", "this port requires one"),
        (ca.issue("web"), "served", "CN=web is let in, by allow-cn web"),
        (intermediate.issue("x", names=("uri:spiffe://a/b",)), "served", "CN=x is let in, by allow-uri spiffe://a/**"),
        (ca.issue("other"), "client_not_allowed", "CN=other: not on the allow list"),
        (ca.issue("web", begins=-3 * HOUR, ends=-HOUR), "client_cert_invalid", "certificate has expired"),
        (ca.issue("web", begins=HOUR, ends=3 * HOUR), "client_cert_invalid", "not yet valid"),
        (ca.issue("web", usage=(SERVER,)), "client_cert_invalid", "unsuitable certificate purpose"),
        (ca.issue("web", key="rsa1024"), "client_cert_invalid", "key too weak"),
        (ca.issue("web", names=("web\0.evil",)), "client_cert_invalid", "NUL byte"),
        (deep.issue("web"), "client_cert_invalid", "certificate chain too long"),
        (Ca(tmp_path / "stranger", "Stranger").issue("web"), "client_cert_invalid", "unable to get local issuer certificate"),
    ])


def test_with_a_revocation_list(run, echo_app, tls_folder, tmp_path):
    ca = Ca(tmp_path / "ca", "Revoking CA")
    good, bad = ca.issue("good"), ca.issue("bad")
    ca.revoke(bad)
    flags = ("--client-auth", "require", "--client-ca-file", str(ca.certificate), "--client-crl-file", str(ca.crl(tmp_path / "crl")))
    check(run, echo_app, tls_folder, flags, [
        (good, "served", "CN=good is let in, by its authority"),
        (bad, "client_cert_invalid", "certificate revoked"),
    ])


def test_with_a_revocation_list_that_is_out_of_date(run, echo_app, tls_folder, tmp_path):
    ca = Ca(tmp_path / "ca", "Late CA")
    flags = ("--client-auth", "require", "--client-ca-file", str(ca.certificate),
             "--client-crl-file", str(ca.crl(tmp_path / "crl", begins=-3 * HOUR, ends=-HOUR)))
    check(run, echo_app, tls_folder, flags, [(ca.issue("good"), "client_cert_invalid", "CRL has expired")])


def test_on_a_port_where_it_is_optional(run, echo_app, tls_folder, ca, tmp_path):
    flags = ("--client-auth", "optional", "--client-ca-file", str(ca.certificate))
    check(run, echo_app, tls_folder, flags, [
        (None, "served", "none: let in"),
        (ca.issue("x"), "served", "CN=x is let in"),
        (Ca(tmp_path / "stranger", "Stranger").issue("x"), "client_cert_invalid", "unable to get local issuer certificate"),
    ])


def test_on_a_port_that_asks_for_none(run, echo_app, tls_folder, ca):
    check(run, echo_app, tls_folder, (), [(ca.issue("x"), "served", "not asked for")])


def test_without_the_authorities_it_does_not_know(run, echo_app, tls_folder, ca, tmp_path):
    with run(echo_app.port, "--client-auth", "require", "--client-ca-file", str(ca.certificate)) as sidelock:
        result, _ = explain(sidelock, echo_app, tls_folder, ("--client-auth", "require", "--client-ca-file", str(tmp_path / "none")))
        assert result == "unknown"


@pytest.mark.parametrize("text, message", [(None, "No such file"), ("nothing", "no usable certificate")])
def test_a_file_without_a_certificate_is_named(tmp_path, text, message):
    path = tmp_path / "client.crt"
    if text:
        path.write_text(text)
    done = run_command(["explain", "--ports", "80", "--client-cert", str(path), "10.0.0.1", "10.0.0.2:80"])
    assert (done.returncode, done.stdout) == (6, "") and str(path) in done.stderr and message in done.stderr, done
