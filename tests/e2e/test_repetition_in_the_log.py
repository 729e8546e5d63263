"""What anybody can cause any number of times does not flood the log, and none of it is lost from the counts."""

import ssl

import pytest

from support.client import connect_tls, context, speak_plaintext
from support.metrics import scrape
from support.pki import Ca
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def test_a_flood_of_plaintext_is_written_in_part_and_counted_whole(run, echo_app):
    count = 300
    with run(echo_app.port, has_admin=True) as sidelock:
        speak_plaintext(sidelock.port, count)
        sidelock.wait_for_outcome("plaintext", count=count)
        lines = [line for line in sidelock.access() if line["outcome"] == "plaintext"]
        told = [line for line in sidelock.lines() if line["message"].endswith("connections that ended as plaintext")]
        assert len(lines) < count
        assert len(lines) + sum(line["repeated"] for line in told) == count
        wait_until(lambda: scrape(sidelock.admin_port).value("sidelock_connections_closed_total", reason="plaintext") == count, "the metric")


def test_clients_without_a_certificate_are_counted_among_the_handshakes(run, echo_app, tmp_path):
    ca = Ca(tmp_path / "ca", "Client CA")
    with run(echo_app.port, "--client-auth", "require", "--client-ca-file", str(ca.certificate), has_admin=True) as sidelock:
        with pytest.raises(OSError), connect_tls(sidelock.port, tls=context(version=ssl.TLSVersion.TLSv1_2)):
            pass
        sidelock.wait_for_outcome("client_cert_missing")
        wait_until(lambda: scrape(sidelock.admin_port).value("sidelock_handshakes_total", result="client_cert_missing") == 1, "the metric")


def test_what_was_withheld_is_told_at_the_end(run, echo_app):
    count = 150
    with run(echo_app.port) as sidelock:
        speak_plaintext(sidelock.port, count)
    sidelock.wait_for_outcome("plaintext", count=count)
