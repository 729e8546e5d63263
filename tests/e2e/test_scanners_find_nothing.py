"""testssl.sh and sslscan against the default settings."""

import json
import os
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from support.process import IS_SANITIZED

# What they say of the certificates of these tests, of the OpenSSL that testssl.sh itself runs with, and of an app that is
# no web server.
OF_THE_TEST = {"cert_expirationStatus", "cert_notAfter", "cert_revocation", "engine_problem", "service"}


def run_whole_group(command, output):
    """Runs a command that may leave processes of its own behind: they end with it. Returns what it said."""
    with open(output, "wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   start_new_session=True)
    try:
        process.wait(280)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return output.read_text(errors="replace")


@pytest.mark.slow
@pytest.mark.skipif(IS_SANITIZED, reason="takes minutes with a sanitizer, and finds the same")
def test_testssl_shows_nothing_but_info_and_ok(run, echo_app, authority, tmp_path):
    report = tmp_path / "report.json"
    with run(echo_app.port) as sidelock:
        shown = run_whole_group(
            ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1", "--protocols",
             "--server-defaults", "--server-preference", "--std", "--fs", "--vulnerable", "--add-ca", str(authority.certificate),
             "--jsonfile", str(report), f"https://localhost:{sidelock.port}"], tmp_path / "testssl.txt")
        findings = json.loads(report.read_text())
        assert len(findings) > 50, shown
        wrong = [finding for finding in findings if finding["severity"] not in ("INFO", "OK") and finding["id"] not in OF_THE_TEST]
        assert wrong == []
        tls13 = next(finding for finding in findings if finding["id"] == "TLS1_3")
        assert tls13["severity"] == "OK"


def test_sslscan_sees_two_versions_and_nothing_weak(run, echo_app):
    with run(echo_app.port) as sidelock:
        shown = subprocess.run(["sslscan", "--no-colour", "--xml=-", f"127.0.0.1:{sidelock.port}"], capture_output=True,
                               text=True, check=True, timeout=120).stdout
        result = xml.etree.ElementTree.fromstring(shown).find("ssltest")
        versions = {(each.get("type"), each.get("version")): each.get("enabled") for each in result.iter("protocol")}
        assert {name for name, is_enabled in versions.items() if is_enabled == "1"} == {("tls", "1.2"), ("tls", "1.3")}
        assert len(versions) == 6
        assert {each.get("vulnerable") for each in result.iter("heartbleed")} == {"0"}
        assert {cipher.get("cipher") for cipher in result.iter("cipher")} == {
            "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}
        assert {cipher.get("strength") for cipher in result.iter("cipher")} <= {"strong", "acceptable"}
