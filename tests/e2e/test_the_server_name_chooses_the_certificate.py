"""Several credentials: the exact name, then the wildcard, then the first; RSA and ECDSA side by side; --sni-strict."""

import ssl
import subprocess

import pytest

from support.client import connect, context
from support.pki import Ca


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pairs(ca):
    return {
        "default": ca.server("default.example", "default-2.example"),
        "wildcard": ca.server("wildcard.marker", "*.wild.example"),
        "exact": ca.server("exact.marker", "exact.wild.example", "ip:192.0.2.1"),
        "rsa": ca.server("rsa.marker", "default.example", key="rsa"),
    }


def credential(*pairs):
    return [word for pair in pairs for word in ("--tls-cert-file", str(pair.certificate), "--tls-private-key-file", str(pair.key))]


def trusting(ca, **options):
    made = context(ca, **options)
    made.check_hostname = False
    return made


def served(port, name, tls):
    """The first name of the certificate that a client gets who asks for `name`."""
    with connect(port) as plain, tls.wrap_socket(plain, server_hostname=name) as client:
        return client.getpeercert()["subjectAltName"][0][1]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_exact_names_before_wildcards_before_the_first(run, echo_app, ca, pairs, version):
    tls = trusting(ca, version=version)
    with run(echo_app.port, credential=credential(*pairs.values())) as sidelock:
        for name, first in [("exact.wild.example", "exact.marker"), ("other.wild.example", "wildcard.marker"),
                            ("OTHER.Wild.Example", "wildcard.marker"), ("a.b.wild.example", "default.example"),
                            ("wild.example", "default.example"), ("unknown.example", "default.example"),
                            (None, "default.example"), ("default-2.example", "default.example")]:
            assert served(sidelock.port, name, tls) == first, name
        assert "exact.wild.example" in [line.get("tls.client.server_name") for line in sidelock.wait_for_access(8)]


def shown_by_s_client(port, *arguments):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input="", text=True,
                          capture_output=True, check=False, timeout=30)
    return done.stdout + done.stderr


@pytest.mark.parametrize("version, rsa_alone", [("-tls1_3", ("-sigalgs", "RSA-PSS+SHA256")), ("-tls1_2", ("-cipher", "ECDHE-RSA-AES128-GCM-SHA256"))])
def test_a_client_gets_the_kind_of_key_that_it_can_verify(run, echo_app, pairs, version, rsa_alone):
    with run(echo_app.port, credential=credential(*pairs.values())) as sidelock:
        assert "subject=CN = default.example" in shown_by_s_client(sidelock.port, version, "-servername", "default.example")
        for name in (("-servername", "default.example"), ("-servername", "unknown.example"), ("-noservername",)):
            assert "subject=CN = rsa.marker" in shown_by_s_client(sidelock.port, version, *rsa_alone, *name)
        assert "Cipher is (NONE)" in shown_by_s_client(sidelock.port, version, *rsa_alone, "-servername", "exact.wild.example")
        sidelock.wait_for_outcome("handshake_failed")


@pytest.mark.parametrize("count", [1, 3])
def test_strict_refuses_unknown_names_with_the_proper_alert(run, echo_app, ca, pairs, count):
    tls = trusting(ca)
    with run(echo_app.port, "--sni-strict", credential=credential(*list(pairs.values())[:count])) as sidelock:
        for name in ("unknown.example", "default.example.evil.example", "192.0.2.7"):
            assert "unrecognized name" in shown_by_s_client(sidelock.port, "-servername", name)
        line = sidelock.wait_for_outcome("unknown_name", 3)
        assert line["error.type"] == "unknown_name"
        assert "no certificate for the server name (192.0.2.7)" == line["error.message"]
        assert echo_app.seen == []
        assert served(sidelock.port, "default.example", tls) == "default.example"
        assert served(sidelock.port, None, tls) == "default.example"


def test_an_address_as_the_server_name_matches_addresses_alone(run, echo_app, pairs):
    with run(echo_app.port, credential=credential(*pairs.values())) as sidelock:
        assert "subject=CN = exact.marker" in shown_by_s_client(sidelock.port, "-servername", "192.0.2.1")
        assert "subject=CN = default.example" in shown_by_s_client(sidelock.port, "-servername", "192.0.2.2")
        sidelock.wait_for_access(2)


def test_names_come_from_the_common_name_only_without_alternatives(run, echo_app, ca, pairs):
    old = ca.issue("old.example", usage=())
    new = ca.issue("new.example", names=("alternative.example",))
    with run(echo_app.port, credential=credential(pairs["default"], old, new)) as sidelock:
        assert "subject=CN = old.example" in shown_by_s_client(sidelock.port, "-servername", "OLD.example")
        assert "subject=CN = default.example" in shown_by_s_client(sidelock.port, "-servername", "new.example")
        sidelock.wait_for_access(2)


def test_a_name_with_a_nul_byte_is_no_name(run, echo_app, ca, pairs):
    odd = ca.server("odd.marker", "nul.example\0.evil.example", "fine.example")
    with run(echo_app.port, "--sni-strict", credential=credential(pairs["default"], odd)) as sidelock:
        for name in ("nul.example", "nul.example\\0.evil.example"):
            assert "subject=" not in shown_by_s_client(sidelock.port, "-servername", name)
        assert "subject=CN = odd.marker" in shown_by_s_client(sidelock.port, "-servername", "fine.example")
        sidelock.wait_for_outcome("unknown_name", 2)
        assert any("NUL" in line["message"] for line in sidelock.lines() if line["level"] == "warning")


def test_a_certificate_that_is_never_used_is_reported(run, echo_app, ca, pairs):
    again = ca.server("default.example")
    with run(echo_app.port, credential=credential(pairs["default"], again)) as sidelock:
        assert any("never used" in line["message"] and str(again.certificate) in line["message"] for line in sidelock.lines())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_only_under_the_certificate_that_it_began_with(run, echo_app, ca, pairs, version):
    tls = trusting(ca, version=version)

    def visit(name, session=None):
        plain = connect(sidelock.port)
        with tls.wrap_socket(plain, server_hostname=name, session=session) as client:
            client.sendall(b"x")
            client.recv(1)
            return client.session_reused, client.session, client.getpeercert()["subjectAltName"][0][1]

    with run(echo_app.port, credential=credential(*pairs.values())) as sidelock:
        _, session, _ = visit("exact.wild.example")
        assert visit("exact.wild.example", session)[0]
        _, session, _ = visit("exact.wild.example")
        assert visit("other.wild.example", session)[::2] == (False, "wildcard.marker")
        _, session, _ = visit("default.example")
        assert visit("exact.wild.example", session)[::2] == (False, "exact.marker")


def test_a_name_chosen_by_a_second_hello_is_served_too(run, echo_app, ca, pairs):
    # The client guesses a group that is not allowed and is asked to say hello again.
    with run(echo_app.port, "--tls-groups", "P-384", credential=credential(*pairs.values())) as sidelock:
        shown = shown_by_s_client(sidelock.port, "-tls1_3", "-groups", "X25519:P-384", "-servername", "exact.wild.example")
        assert "subject=CN = exact.marker" in shown
        sidelock.wait_for_access(1)
