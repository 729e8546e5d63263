"""Versions, suites, ALPN and resumption with the default settings."""

import ssl
import subprocess

import pytest

from support.client import RawTls, connect, connect_tls, context
from support.process import run_command


@pytest.mark.parametrize("version, text", [(ssl.TLSVersion.TLSv1_2, "1.2"), (ssl.TLSVersion.TLSv1_3, "1.3")])
def test_both_versions_are_served_and_logged(run, echo_app, authority, version, text):
    with run(echo_app.port) as sidelock:
        with connect_tls(sidelock.port, tls=context(authority, version=version)) as client:
            client.unwrap()
        line = sidelock.wait_for_outcome("ok")
        assert line["tls.protocol.version"] == text
        assert line["tls.cipher"] in ("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
        assert line["tls.curve"].lower() in ("x25519", "x25519mlkem768")
        assert line["tls.client.server_name"] == "localhost"


@pytest.mark.parametrize("setting, offer, chosen", [
    ("auto", ["h2", "http/1.1"], "http/1.1"),
    ("auto", ["h2"], "h2"),
    ("auto", ["postgresql"], "postgresql"),
    ("auto", None, None),
    ("h2,http/1.1", ["http/1.1", "h2"], "h2"),
    ("h2", None, None),
    ("", ["h2"], None),
])
def test_the_application_protocol_is_chosen_as_the_setting_says(run, echo_app, setting, offer, chosen):
    with run(echo_app.port, "--alpn", setting) as sidelock:
        client = RawTls(sidelock.port, tls=context(alpn=offer))
        assert client.tls.selected_alpn_protocol() == chosen
        client.close_notify()
        client.close()
        assert sidelock.wait_for_access(1)[0].get("tls.next_protocol") == chosen


def test_an_offer_without_a_match_is_refused_with_the_proper_alert(run, echo_app):
    with run(echo_app.port, "--alpn", "h2") as sidelock:
        plain = connect(sidelock.port)
        with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
            context(alpn=["http/1.1"]).wrap_socket(plain, server_hostname="localhost")
        plain.close()
        sidelock.wait_for_outcome("no_application_protocol")
        assert echo_app.seen == []


def test_a_session_is_resumed_with_the_one_ticket_that_is_sent(run, echo_app, authority):
    with run(echo_app.port) as sidelock:
        tls = context(authority)
        with connect_tls(sidelock.port, tls=tls) as first:
            first.sendall(b"x")
            first.recv(1)
            session = first.session
            first.unwrap()
        assert session.has_ticket
        plain = connect(sidelock.port)
        with tls.wrap_socket(plain, server_hostname="localhost", session=session) as second:
            assert second.session_reused
            second.unwrap()
        assert [line["tls.resumed"] for line in sidelock.wait_for_access(2)] == [False, True]


def test_each_resumption_brings_the_ticket_for_the_next_one(run, echo_app, authority):
    # Clients use a TLS 1.3 ticket once (RFC 8446, appendix C.4).
    with run(echo_app.port) as sidelock:
        tls = context(authority)
        sessions = [None]
        for _ in range(4):
            plain = connect(sidelock.port)
            with tls.wrap_socket(plain, server_hostname="localhost", session=sessions[-1]) as client:
                client.sendall(b"x")
                client.recv(1)
                sessions.append(client.session)
                client.unwrap()
        assert [line["tls.resumed"] for line in sidelock.wait_for_access(4)] == [False, True, True, True]
        tickets = [session.id for session in sessions[1:]]  # OpenSSL makes the id from the ticket
        assert len(set(tickets)) == len(tickets)


def test_an_rsa_certificate_is_served(run, echo_app, authority, tmp_path):
    authority.issue("localhost", tmp_path / "rsa", kind="rsa")
    with run(echo_app.port, credential=("--tls-dir", str(tmp_path / "rsa"))) as sidelock:
        with connect_tls(sidelock.port, tls=context(authority)) as client:
            client.unwrap()


def test_one_file_may_hold_key_and_chain(run, echo_app, authority, tmp_path):
    certificate, key = authority.issue("localhost", tmp_path / "pair")
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(key.read_bytes() + certificate.read_bytes() + authority.certificate.read_bytes())
    with run(echo_app.port, credential=("--tls-cert-file", str(bundle))) as sidelock:
        with connect_tls(sidelock.port, tls=context(authority)) as client:
            client.unwrap()


def test_a_self_signed_certificate_says_so_loudly(run, echo_app):
    with run(echo_app.port, credential=("--self-signed", "throw-away.example")) as sidelock:
        assert any(line["level"] == "warning" and "SELF-SIGNED" in line["message"] for line in sidelock.lines())
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{sidelock.port}", "-servername", "x"],
                               input="", capture_output=True, text=True, check=False, timeout=30).stdout
        assert "CN = throw-away.example" in shown
        sidelock.wait_for_access(1)


@pytest.mark.parametrize("damage", ["nothing", "garbage", "mismatch", "encrypted", "weak"])
def test_an_unusable_credential_is_named_and_ends_with_six(tmp_path, authority, free_port, damage):
    certificate, key = authority.issue("localhost", tmp_path / "tls")
    if damage == "nothing":
        certificate.unlink()
    elif damage == "garbage":
        key.write_text("no key at all")
    elif damage == "mismatch":
        _, other = authority.issue("localhost", tmp_path / "other")
        key.write_bytes(other.read_bytes())
    elif damage == "encrypted":
        subprocess.run(["openssl", "ec", "-aes256", "-passout", "pass:secret", "-in", str(key), "-out", str(key) + ".new"],
                       check=True, capture_output=True)
        (tmp_path / "tls" / "tls.key.new").rename(key)
    else:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak", "-keyout", str(key),
                        "-out", str(certificate)], check=True, capture_output=True)
    done = run_command(["run", "--capture", "none", "--listen", f"127.0.0.1:{free_port()}=127.0.0.1:1", "--tls-dir",
                        str(tmp_path / "tls")])
    assert done.returncode == 6, done
    assert str(tmp_path / "tls") in done.stdout + done.stderr
    assert "secret" not in done.stdout + done.stderr


def shown_by_s_client(port, *arguments):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input="", text=True,
                          capture_output=True, check=False, timeout=30).stdout


def test_the_oldest_version_may_be_raised(run, echo_app):
    with run(echo_app.port, "--tls-min-version", "1.3") as sidelock:
        assert "Cipher is (NONE)" in shown_by_s_client(sidelock.port, "-tls1_2")
        assert "TLS_AES_128_GCM_SHA256" in shown_by_s_client(sidelock.port, "-tls1_3")
        sidelock.wait_for_outcome("handshake_failed")


def test_suites_and_groups_are_those_that_are_asked_for_in_that_order(run, echo_app):
    suites = "TLS_CHACHA20_POLY1305_SHA256,TLS_AES_256_GCM_SHA384,ECDHE-ECDSA-AES256-GCM-SHA384"
    with run(echo_app.port, "--tls-cipher-suites", suites, "--tls-groups", "P-384,X25519") as sidelock:
        assert "TLS_CHACHA20_POLY1305_SHA256" in shown_by_s_client(sidelock.port, "-tls1_3")
        assert "ECDHE-ECDSA-AES256-GCM-SHA384" in shown_by_s_client(sidelock.port, "-tls1_2")
        assert "Cipher is (NONE)" in shown_by_s_client(sidelock.port, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
        assert "Cipher is (NONE)" in shown_by_s_client(sidelock.port, "-groups", "P-256")
        assert sidelock.wait_for_access(4)[0]["tls.curve"] in ("x25519", "secp384r1")


def test_a_version_without_a_suite_is_not_served(run, echo_app):
    with run(echo_app.port, "--tls-cipher-suites", "TLS_AES_128_GCM_SHA256") as sidelock:
        assert "Cipher is (NONE)" in shown_by_s_client(sidelock.port, "-tls1_2")
        sidelock.wait_for_outcome("handshake_failed")
    with run(echo_app.port, "--tls-cipher-suites", "ECDHE-ECDSA-AES128-GCM-SHA256") as sidelock:
        assert "Cipher is (NONE)" in shown_by_s_client(sidelock.port, "-tls1_3")
        sidelock.wait_for_outcome("handshake_failed")


@pytest.mark.parametrize("setting, value", [
    ("--tls-cipher-suites", "TLS_AES_128_GCM"), ("--tls-cipher-suites", "ALL"), ("--tls-cipher-suites", "AES128"),
    ("--tls-groups", "P-256,X25518"), ("--tls-min-version", "1.1"),
])
def test_what_openssl_does_not_have_is_a_usage_error(tls_folder, free_port, setting, value):
    done = run_command(["run", "--capture", "none", "--listen", f"127.0.0.1:{free_port()}=127.0.0.1:1", "--tls-dir",
                        str(tls_folder), setting, value])
    assert done.returncode == 2, done
    assert setting in done.stdout + done.stderr
    assert value.split(",")[-1] in done.stdout + done.stderr
