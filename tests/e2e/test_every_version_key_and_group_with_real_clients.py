"""Versions x key types x groups x clients: the table in docs/tls.md is what really happens."""

import concurrent.futures
import pathlib
import ssl
import subprocess

import pytest

from support import apps
from support.client import connect
from support.process import ROOT

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
GROUPS = {"X25519": "x25519", "P-256": "secp256r1", "P-384": "secp384r1"}  # in the table, and in the log
KEYS = {"ECDSA P-256": "ec", "ECDSA P-384": "ec-384", "RSA 2048": "rsa", "Ed25519": "ed25519"}


def succeeds(*command):
    return subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=60).returncode == 0


# Each verifies chain and name, and offers the groups that it offers by itself.

def openssl(port, authority, version):
    return succeeds("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(authority), "-verify_return_error",
                    "-verify_hostname", "localhost", f"-tls{version.replace('.', '_')}")


def gnutls(port, authority, version):
    return succeeds("gnutls-cli", "--x509cafile", str(authority), "--port", str(port), "--verify-hostname=localhost", "--priority",
                    f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "127.0.0.1")


def curl(port, authority, version):
    return succeeds("curl", "--silent", "--cacert", str(authority), "--resolve", f"localhost:{port}:127.0.0.1", "--http1.0",
                    f"--tlsv{version}", "--tls-max", version, f"https://localhost:{port}/")


def python(port, authority, version):
    tls = ssl.create_default_context(cafile=str(authority))
    tls.minimum_version = tls.maximum_version = VERSIONS[version]
    try:
        with tls.wrap_socket(connect(port), server_hostname="localhost") as client:
            client.unwrap()
            return True
    except ssl.SSLError:
        return False


CLIENTS = [openssl, gnutls, curl, python]


@pytest.fixture(scope="module")
def http_app():
    with apps.App(apps.answer_http) as app:
        yield app


def clients_that_connect(port, authority, version):
    """Their names for the table."""
    with concurrent.futures.ThreadPoolExecutor(len(CLIENTS)) as pool:
        results = list(pool.map(lambda client: client(port, authority, version), CLIENTS))
    return "all" if all(results) else ", ".join(client.__name__ for client, is_in in zip(CLIENTS, results) if is_in) or "none"


def rows_of_docs():
    """{(version, key): [cells]} of the table in docs/tls.md."""
    rows = {}
    for line in pathlib.Path(ROOT / "docs/tls.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 + len(GROUPS) and cells[0] in VERSIONS:
            rows[cells[0], cells[1]] = cells[2:]
    return rows


def test_the_table_has_every_version_and_key():
    assert rows_of_docs().keys() == {(version, key) for version in VERSIONS for key in KEYS}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("key", KEYS)
def test_the_table_is_what_the_clients_see(run, http_app, authority, tmp_path, key, group):
    authority.issue("localhost", tmp_path / "tls", kind=KEYS[key])
    rows = rows_of_docs()
    with run(http_app.port, "--tls-groups", group, credential=("--tls-dir", str(tmp_path / "tls"))) as sidelock:
        for number, version in enumerate(VERSIONS, start=1):
            cell = clients_that_connect(sidelock.port, authority.certificate, version)
            assert cell == rows[version, key][list(GROUPS).index(group)]
            lines = sidelock.wait_for_access(number * len(CLIENTS))[-len(CLIENTS):]
            assert {(line["tls.protocol.version"], line["tls.curve"]) for line in lines} == {(version, GROUPS[group])}


def agreed_suite(port, *arguments):
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input="", text=True,
                           capture_output=True, check=False, timeout=60).stdout
    return next(line.split("Cipher is ")[1] for line in shown.splitlines() if "Cipher is " in line)


@pytest.mark.parametrize("flags, suites, name", [
    (["-tls1_3", "-ciphersuites"], ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"], "TLS_CHACHA20_POLY1305_SHA256"),
    (["-tls1_2", "-cipher"], ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"],
     "ECDHE-ECDSA-CHACHA20-POLY1305"),
])
def test_chacha20_is_for_those_who_put_it_first_and_aes_128_for_the_others(run, echo_app, flags, suites, name):
    # A client without AES instructions puts ChaCha20 first.
    with run(echo_app.port) as sidelock:
        smallest, largest = suites
        assert agreed_suite(sidelock.port, *flags, ":".join([name, *suites])) == name
        assert agreed_suite(sidelock.port, *flags, ":".join([largest, name, smallest])) == smallest
        assert agreed_suite(sidelock.port, *flags, ":".join([largest, name])) == largest
        sidelock.wait_for_access(3)


def test_our_order_of_groups_decides_unless_a_round_trip_would_be_lost(run, echo_app):
    with run(echo_app.port) as sidelock:
        offers = ["P-384:P-256:X25519", "P-384:P-256"]
        for offer in offers:
            agreed_suite(sidelock.port, "-tls1_2", "-groups", offer)
        assert [line["tls.curve"] for line in sidelock.wait_for_access(2)] == ["x25519", "secp256r1"]
        # Under TLS 1.3 a client sends the key share of its first group at once: that is taken.
        for offer in offers:
            agreed_suite(sidelock.port, "-tls1_3", "-groups", offer)
        assert {line["tls.curve"] for line in sidelock.wait_for_access(4)[2:]} == {"secp384r1"}
