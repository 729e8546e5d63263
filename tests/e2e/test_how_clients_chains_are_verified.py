"""Client certificates: how long their chains may be, which names their authorities may give, and who is trusted."""

import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes

from support.client import connect
from support.pki import Ca

# What an authority is bound to: the names of a client that it may give, and those that it may not.
BOUNDS = {
    "DNS names": ("good.example", ["a.good.example"], ["evil.example"]),
    "addresses": ("ip:192.0.2.0/24", ["ip:192.0.2.7"], ["ip:198.51.100.7"]),
    "e-mail addresses": ("mail:good.example", ["mail:a@good.example"], ["mail:a@evil.example"]),
    "hosts of URIs": ("uri:good.example", ["uri:spiffe://good.example/a"], ["uri:spiffe://evil.example/a"]),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Ca(tmp_path_factory.mktemp("root"), "Root")


def outcome_of(port, pair):
    """"in", or the alert's name, of a client that sends and waits for an answer."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_ciphers("DEFAULT@SECLEVEL=0")  # this client sends what it is given
    tls.load_cert_chain(pair.certificate, pair.key)
    try:
        with connect(port) as plain, tls.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            return "in"
    except ssl.SSLError as error:
        return error.reason


def require(*authorities):
    return ("--client-auth", "require", "--client-ca-file", *map(str, authorities))


def test_four_intermediates_are_enough_and_five_too_many(run, echo_app, root, tmp_path):
    chain = [root]
    for level in range(5):
        chain.append(Ca(tmp_path / f"level-{level}", f"Level {level}", parent=chain[-1]))
    with run(echo_app.port, *require(root.certificate)) as sidelock:
        assert outcome_of(sidelock.port, chain[4].issue("x")) == "in"
        assert outcome_of(sidelock.port, chain[5].issue("x")) == "TLSV1_ALERT_UNKNOWN_CA"
        assert "certificate chain too long" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]


def test_a_path_length_of_an_authority_holds(run, echo_app, root, tmp_path):
    last = Ca(tmp_path / "last", "Last", parent=root, path_length=0)
    below = Ca(tmp_path / "below", "Below", parent=last)
    with run(echo_app.port, *require(root.certificate)) as sidelock:
        assert outcome_of(sidelock.port, last.issue("x")) == "in"
        assert outcome_of(sidelock.port, below.issue("x")) != "in"
        assert "path length constraint exceeded" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]


@pytest.mark.parametrize("kind", BOUNDS)
def test_the_names_that_an_authority_may_give(run, echo_app, root, tmp_path, kind):
    bound, good, evil = BOUNDS[kind]
    authority = Ca(tmp_path / "bound", "Bound", parent=root, permitted=(bound,))
    with run(echo_app.port, *require(root.certificate)) as sidelock:
        assert outcome_of(sidelock.port, authority.issue("x", names=good)) == "in"
        assert outcome_of(sidelock.port, authority.issue("x", names=evil)) != "in"
        assert "permitted subtree violation" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]


def test_the_subjects_that_an_authority_may_give(run, echo_app, root, tmp_path):
    authority = Ca(tmp_path / "bound", "Bound", parent=root, permitted=("unit:Shop",))
    with run(echo_app.port, *require(root.certificate)) as sidelock:
        assert outcome_of(sidelock.port, authority.issue("x", units=("Shop",))) == "in"
        assert outcome_of(sidelock.port, authority.issue("x", units=("Bank",))) != "in"
        assert "permitted subtree violation" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]


def test_a_trusted_intermediate_is_enough_and_what_is_above_it_does_not_count(run, echo_app, tmp_path):
    bound = Ca(tmp_path / "bound", "Bound root", permitted=("good.example",))
    intermediate = Ca(tmp_path / "intermediate", "Intermediate", parent=bound)
    evil = intermediate.issue("x", names=("evil.example",))
    with run(echo_app.port, *require(bound.certificate)) as sidelock:
        assert outcome_of(sidelock.port, evil) != "in"
        sidelock.wait_for_outcome("client_cert_invalid")
    with run(echo_app.port, *require(intermediate.certificate)) as sidelock:
        assert outcome_of(sidelock.port, evil) == "in"


@pytest.mark.filterwarnings("ignore:SHA1 signatures are deprecated")
def test_a_signature_with_sha1_counts_for_nothing(run, echo_app, root):
    with run(echo_app.port, *require(root.certificate)) as sidelock:
        assert outcome_of(sidelock.port, root.issue("x", digest=hashes.SHA1)) != "in"
        assert "too weak" in sidelock.wait_for_outcome("client_cert_invalid")["error.message"]


def test_more_authorities_than_a_message_can_name_are_not_named_but_trusted(run, echo_app, root, tmp_path):
    bundle = tmp_path / "bundle.crt"
    others = [Ca(tmp_path / str(number), f"{number:050}").certificate.read_bytes() for number in range(300)]
    bundle.write_bytes(b"".join([*others, root.certificate.read_bytes()]))
    with run(echo_app.port, *require(bundle)) as sidelock:
        pair = root.issue("x")
        assert outcome_of(sidelock.port, pair) == "in"
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{sidelock.port}", "-cert", str(pair.certificate),
                                "-key", str(pair.key)], input="", capture_output=True, text=True, check=False, timeout=30).stdout
        assert "No client certificate CA names sent" in shown
        sidelock.wait_for_access(2)
