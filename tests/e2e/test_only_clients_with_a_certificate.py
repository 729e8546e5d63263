"""Mutual TLS: who gets in, which alert and outcome the others get, and that nothing of theirs reaches the app."""

import socket
import ssl
import subprocess

import pytest

from support import apps, mutual_tls
from support.client import RawTls
from support.mutual_tls import require, visit
from support.pki import HOUR, SERVER, Ca
from support.process import run_command

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Ca(tmp_path_factory.mktemp("client-ca"), "Client CA")


@pytest.fixture(scope="module")
def good(ca):
    return ca.issue("web", names=("web.example", "uri:spiffe://cluster.local/ns/shop/sa/web"), units=("Shop",))


def client_context(pair=None, version=None):
    return mutual_tls.client_context(pair, VERSIONS.get(version))


def refusal(port, tls, session=None):
    """How a client is refused that sends at once: the text of its error. Under TLS 1.3 its own handshake is done then."""
    try:
        visit(port, tls, session)
    except (ssl.SSLError, OSError) as error:
        return str(error).lower().replace("_", " ")
    raise AssertionError("the client was let in")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_certificate_lets_in_and_its_subject_is_logged(run, echo_app, ca, good, version):
    with run(echo_app.port, *require(ca)) as sidelock:
        visit(sidelock.port, client_context(good, version))
        line = sidelock.wait_for_access(1)[0]
        assert line["tls.client.subject"] == "CN=web,OU=Shop"


@pytest.mark.parametrize("version, alert", [("1.2", "handshake failure"), ("1.3", "certificate required")])
def test_no_certificate_is_told_so(run, echo_app, ca, version, alert):
    with run(echo_app.port, *require(ca)) as sidelock:
        assert alert in refusal(sidelock.port, client_context(None, version))
        line = sidelock.wait_for_outcome("client_cert_missing")
        assert "peer did not return a certificate" in line["error.message"]
        assert echo_app.seen == []


def odd_certificates(ca, folder):
    """name -> (certificate, alert, reason in the log)"""
    other = Ca(folder / "other", "Other CA")
    expired_ca = Ca(folder / "intermediate", "Old intermediate", parent=ca, begins=-3 * HOUR, ends=-HOUR)
    bound = Ca(folder / "bound", "Bound CA", parent=ca, permitted=("good.example", "uri:good.example"))
    deep = ca
    for level in range(6):
        deep = Ca(folder / f"level-{level}", f"Level {level}", parent=deep)
    return {
        "expired": (ca.issue("x", begins=-3 * HOUR, ends=-HOUR), "certificate expired", "certificate has expired"),
        "future": (ca.issue("x", begins=HOUR, ends=3 * HOUR), "bad certificate", "certificate is not yet valid"),
        "wrong CA": (other.issue("x"), "unknown ca", "unable to get local issuer certificate"),
        "server only": (ca.issue("x", usage=(SERVER,)), "unsupported certificate", "unsuitable certificate purpose"),
        "too deep": (deep.issue("x"), "unknown ca", "certificate chain too long"),
        "expired intermediate": (expired_ca.issue("x"), "certificate expired", "certificate has expired"),
        "weak key": (ca.issue("x", key="rsa1024"), "", "key too weak"),
        "NUL": (ca.issue("x", names=("web.example\0.evil.example",)), "bad certificate", "NUL byte"),
        "outside its CA's names": (bound.issue("x", names=("evil.example",)), "", "permitted subtree violation"),
        "outside its CA's URIs": (bound.issue("x", names=("uri:spiffe://evil.example/a",)), "", "permitted subtree violation"),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bad_certificate_gets_the_proper_alert_and_its_reason_is_logged(run, echo_app, ca, tmp_path, version):
    with run(echo_app.port, *require(ca)) as sidelock:
        for number, (name, (pair, alert, reason)) in enumerate(odd_certificates(ca, tmp_path).items(), 1):
            text = refusal(sidelock.port, client_context(pair, version))
            assert alert in text, (name, text)
            line = sidelock.wait_for_outcome("client_cert_invalid", number)
            assert reason in line["error.message"], (name, line)
        assert echo_app.seen == []


def test_a_certificate_within_its_authoritys_names_is_good(run, echo_app, ca, tmp_path):
    bound = Ca(tmp_path / "bound", "Bound CA", parent=ca, permitted=("good.example", "uri:good.example"))
    with run(echo_app.port, *require(ca)) as sidelock:
        visit(sidelock.port, client_context(bound.issue("x", names=("a.good.example", "uri:spiffe://good.example/a"))))
        assert sidelock.wait_for_access(1)[0]["tls.client.subject"] == "CN=x"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_huge_chain_is_not_read(run, echo_app, ca, version):
    with run(echo_app.port, *require(ca)) as sidelock:
        refusal(sidelock.port, client_context(ca.issue("x", padding=60000), version))
        sidelock.wait_for_outcome("handshake_failed")
        assert echo_app.seen == []


@pytest.mark.parametrize("flags", [
    ("--allow-dns", "other.example,WEB.example"), ("--allow-uri", "spiffe://cluster.local/ns/*/sa/web"),
    ("--allow-uri", "spiffe://cluster.local/**"), ("--allow-cn", "web"), ("--allow-ou", "Shop"), ("--allow-spki-pin", "PIN"),
])
def test_whoever_is_on_the_list_gets_in(run, echo_app, ca, good, flags):
    with run(echo_app.port, *require(ca, flags[0], flags[1].replace("PIN", pin_of(good)))) as sidelock:
        for version in VERSIONS:
            visit(sidelock.port, client_context(good, version))
        sidelock.wait_for_access(2)


def pin_of(pair):
    script = (f"openssl x509 -in {pair.certificate} -pubkey -noout | openssl pkey -pubin -outform DER"
              " | openssl dgst -sha256 -binary | base64")
    return subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("version, alert", [("1.2", "handshake failure"), ("1.3", "access denied")])
def test_whoever_is_not_on_the_list_is_denied_access(run, echo_app, ca, good, version, alert):
    other = ca.issue("other", names=("uri:spiffe://cluster.local/ns/shop/sa/other", "uri:web.example"))
    with run(echo_app.port, *require(ca, "--allow-dns", "web.example", "--allow-uri", "spiffe://cluster.local/ns/*/sa/web")) as sidelock:
        assert alert in refusal(sidelock.port, client_context(other, version))
        line = sidelock.wait_for_outcome("client_not_allowed")
        assert line["error.message"] == "client certificate CN=other: not on the allow list of this port"
        assert echo_app.seen == []
        visit(sidelock.port, client_context(good, version))


def test_nothing_of_a_refused_client_reaches_the_app_however_fast_it_sends(run, echo_app, ca):
    # Under TLS 1.3 the client's first bytes come with its Finished, before the server has judged.
    other = ca.issue("other")
    with run(echo_app.port, *require(ca, "--allow-cn", "web")) as sidelock:
        for _ in range(20):
            client = RawTls(sidelock.port, tls=client_context(other, "1.3"))
            client.send(b"x" * 10000)
            assert client.wait_for_end() != "close_notify"
            client.close()
        sidelock.wait_for_outcome("client_not_allowed", 20)
        assert echo_app.seen == [], "the app was not even connected to"


@pytest.mark.parametrize("version", VERSIONS)
def test_optional_lets_in_with_a_good_certificate_or_none(run, echo_app, ca, good, version):
    with run(echo_app.port, "--client-auth", "optional", "--client-ca-file", str(ca.certificate)) as sidelock:
        visit(sidelock.port, client_context(good, version))
        visit(sidelock.port, client_context(None, version))
        bad = Ca(good.folder / "bad", "Other CA").issue("x")
        assert "unknown ca" in refusal(sidelock.port, client_context(bad, version))
        sidelock.wait_for_outcome("client_cert_invalid")
        subjects = [line.get("tls.client.subject") for line in sidelock.wait_for_access(3)]
        assert subjects == ["CN=web,OU=Shop", None, None]


def test_the_authorities_are_named_to_the_client(run, echo_app, ca, good):
    with run(echo_app.port, *require(ca)) as sidelock:
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{sidelock.port}", "-cert", str(good.certificate),
                                "-key", str(good.key)], input="", capture_output=True, text=True, check=False, timeout=30).stdout
        assert "Acceptable client certificate CA names\nCN = Client CA" in shown
        sidelock.wait_for_access(1)


def greet(connection, seen):
    seen.note(connection.recv(65536))
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("client", ["curl", "gnutls-cli"])
def test_other_clients_too(run, ca, good, client):
    def visit(pair):
        if client == "curl":
            command = ["curl", "-sSk", "--max-time", "20", "--cert", str(pair.certificate), "--key", str(pair.key),
                       f"https://127.0.0.1:{sidelock.port}/"]
        else:
            command = ["gnutls-cli", "--insecure", "--no-ca-verification", "--x509certfile", str(pair.certificate), "--x509keyfile",
                       str(pair.key), "-p", str(sidelock.port), "127.0.0.1"]
        done = subprocess.run(command, input="GET /\r\n", capture_output=True, text=True, check=False, timeout=30)
        return (done.stdout + done.stderr).lower()

    with apps.App(greet) as app, run(app.port, *require(ca, "--allow-cn", "web")) as sidelock:
        assert "hello" in visit(good)
        text = visit(ca.issue("other"))
        assert ("access was denied" if client == "gnutls-cli" else "access denied") in text, text
        sidelock.wait_for_outcome("client_not_allowed")
        assert len(app.seen) == 1


def test_each_port_asks_as_its_policy_says(run, echo_app, ca, good, free_port):
    second = free_port()
    with run(echo_app.port, "--client-ca-file", str(ca.certificate), "--port-policy",
             f"{second}:client-auth=require,allow-cn=web", more_ports=(second,)) as sidelock:
        visit(sidelock.port, client_context())
        visit(second, client_context(good))
        assert "certificate required" in refusal(second, client_context(None, "1.3"))
        sidelock.wait_for_outcome("client_cert_missing")


@pytest.mark.parametrize("damage, text", [("missing", "No such file"), ("garbage", "no usable certificate"), ("leaf", "no authority")])
def test_unusable_authorities_end_with_six(tmp_path, ca, tls_folder, free_port, damage, text):
    path = tmp_path / "ca.crt"
    if damage == "garbage":
        path.write_text("nothing")
    elif damage == "leaf":
        path.write_bytes(ca.issue("leaf").certificate.read_bytes())
    done = run_command(["run", "--capture", "none", "--listen", f"127.0.0.1:{free_port()}=127.0.0.1:1", "--tls-dir",
                        str(tls_folder), "--client-auth", "require", "--client-ca-file", str(path)])
    assert done.returncode == 6 and str(path) in done.stdout + done.stderr and text in done.stdout + done.stderr, done
