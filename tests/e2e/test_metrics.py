"""Metrics: what happened is counted, per port and by reason, while it happens, and in a form that Prometheus takes."""

import contextlib
import json
import re
import signal
import ssl
import subprocess
import urllib.request

import pytest

from support import apps
from support.admin import ask
from support.captured import POD4, init, run_captured
from support.client import connect, connect_tls, context, receive_exactly, wait_for_end
from support.metrics import scrape
from support.process import ROOT
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def wait_for(sidelock, name, expected, **labels):
    """The metrics once that one has the expected value: they may be a second old."""
    def found():
        metrics = scrape(sidelock.admin_port)
        return metrics if metrics.value(name, **labels) == expected else None
    try:
        return wait_until(found, f"{name} {labels} to be {expected}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {scrape(sidelock.admin_port).value(name, **labels)}") from None


def exchange(sidelock, data=b"hello", tls=None):
    with connect_tls(sidelock.port, tls=tls) as client:
        client.sendall(data)
        assert receive_exactly(client, len(data)) == data
        client.unwrap()


def test_connections_are_counted_by_port_and_reason(run, echo_app, free_port):
    other_port = free_port()
    with run(echo_app.port, "--workers", "2", more_ports=(other_port,), has_admin=True) as sidelock:
        port = str(sidelock.port)
        for _ in range(3):
            exchange(sidelock)
        plain = connect(sidelock.port)
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_for_end(plain)
        plain.close()
        with connect_tls(sidelock.port) as client:
            metrics = wait_for(sidelock, "sidelock_connections_open", 1, port=port)
            assert metrics.value("sidelock_connections_accepted_total", port=port) == 5
            client.unwrap()
        metrics = wait_for(sidelock, "sidelock_connections_closed_total", 4, port=port, reason="ok")
        assert metrics.value("sidelock_connections_closed_total", port=port, reason="plaintext") == 1
        assert metrics.value("sidelock_connections_closed_total") == 5
        assert metrics.value("sidelock_connections_open") == 0
        assert metrics.value("sidelock_connections_accepted_total", port=str(other_port)) == 0
        reasons = re.search(r"kOutcomeNames\{(.*?)\};", (ROOT / "src/proxy/outcome.h").read_text(), re.DOTALL).group(1)
        counted = {labels["reason"] for labels in metrics.labels("sidelock_connections_closed_total")}
        assert counted == set(re.findall(r'"([a-z_]+)"', reasons))


def test_bytes_are_counted_while_they_flow(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        with connect_tls(sidelock.port) as client:
            client.sendall(b"x" * 300_000)
            receive_exactly(client, 300_000)
            for name in ("received", "sent"):
                for peer in ("client", "app"):
                    wait_for(sidelock, f"sidelock_{name}_bytes_total", 300_000, port=str(sidelock.port), peer=peer)
            assert scrape(sidelock.admin_port).value("sidelock_connections_open") == 1
            client.unwrap()


def test_handshakes_tell_what_was_agreed_on(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        tls = context(version=ssl.TLSVersion.TLSv1_2)
        with connect_tls(sidelock.port, tls=tls) as first:
            session = first.session
            first.unwrap()
        with tls.wrap_socket(connect(sidelock.port), server_hostname="localhost", session=session) as second:
            assert second.session_reused
            second.unwrap()
        exchange(sidelock, tls=context(version=ssl.TLSVersion.TLSv1_3))
        metrics = wait_for(sidelock, "sidelock_handshakes_total", 3, result="ok")
        assert metrics.value("sidelock_handshakes_total", version="1.2", resumed="true") == 1
        assert metrics.value("sidelock_handshakes_total", version="1.2", resumed="false") == 1
        assert metrics.value("sidelock_handshakes_total", version="1.3", group="x25519", resumed="false") == 1
        assert metrics.value("sidelock_handshake_duration_seconds_count") == 3
        assert metrics.value("sidelock_handshake_duration_seconds_bucket", le="+Inf") == 3
        assert metrics.value("sidelock_handshake_duration_seconds_sum") > 0
        assert metrics.value("sidelock_handshake_ciphers_total") == 3
        assert {"other"} & {labels["cipher"] for labels in metrics.labels("sidelock_handshake_ciphers_total")} == set()
        connect(sidelock.port).close()
        wait_for(sidelock, "sidelock_handshakes_total", 1, result="closed")


def test_connecting_to_the_app_is_timed_and_its_errors_are_named(run):
    with apps.App(apps.echo) as app, run(app.port, has_admin=True) as sidelock:
        exchange(sidelock)
        wait_for(sidelock, "sidelock_upstream_connect_duration_seconds_count", 1)
        app.close()
        with pytest.raises(OSError):
            exchange(sidelock)
        metrics = wait_for(sidelock, "sidelock_upstream_connect_failures_total", 1, errno="ECONNREFUSED")
        assert metrics.value("sidelock_connections_closed_total", reason="app_refused") == 1


def test_the_certificates_times_and_the_reloads_are_told(run, echo_app, authority, tmp_path):
    certificate, _ = authority.issue("localhost", tmp_path / "tls")
    end = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", certificate], check=True, capture_output=True, text=True)
    expected = ssl.cert_time_to_seconds(end.stdout.strip().removeprefix("notAfter="))
    with run(echo_app.port, credential=("--tls-dir", str(tmp_path / "tls")), has_admin=True, expected_errors=("not reloaded",)) as sidelock:
        metrics = scrape(sidelock.admin_port)
        assert metrics.value("sidelock_certificate_not_after_timestamp_seconds") == expected
        assert metrics.value("sidelock_certificate_reloads_total", result="ok") == 0
        sidelock.signal(signal.SIGHUP)
        wait_for(sidelock, "sidelock_certificate_reloads_total", 1, result="ok")
        certificate.write_text("nonsense")
        sidelock.signal(signal.SIGHUP)
        wait_until(lambda: scrape(sidelock.admin_port).value("sidelock_certificate_reloads_total", result="failed") >= 1, "the failed reload")
        assert scrape(sidelock.admin_port).value("sidelock_certificate_not_after_timestamp_seconds") == expected


def test_the_process_is_described(run, echo_app):
    with run(echo_app.port, "--workers", "3", "--max-connections", "100", has_admin=True) as sidelock:
        metrics = scrape(sidelock.admin_port)
        assert metrics.value("sidelock_workers") == 3
        assert metrics.value("sidelock_connections_limit") == 100
        assert metrics.value("sidelock_log_records_dropped_total") == 0
        build = metrics.labels("sidelock_build_info")[0]
        assert build["version"] and build["openssl"].startswith("OpenSSL 3.")
        # The connection that asks is open as well.
        assert abs(metrics.value("process_open_fds") - sidelock.open_files()) <= 1
        assert 0.3 < metrics.value("process_resident_memory_bytes") / sidelock.resident_bytes() < 3
        assert metrics.value("process_start_time_seconds") > 1.6e9
        assert metrics.value("process_threads") >= 5
        assert metrics.value("process_cpu_seconds_total") > 0


def test_what_is_not_admitted_is_counted_as_limit(run, echo_app):
    with run(echo_app.port, "--max-connections", "1", has_admin=True) as sidelock:
        with connect_tls(sidelock.port) as client:
            with pytest.raises(OSError):
                exchange(sidelock)
            metrics = wait_for(sidelock, "sidelock_connections_closed_total", 1, reason="limit")
            assert metrics.value("sidelock_connections_accepted_total", port=str(sidelock.port)) == 2
            client.unwrap()


def test_promtool_has_nothing_to_say(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        exchange(sidelock)
        wait_for(sidelock, "sidelock_connections_closed_total", 1, reason="ok")
        text = ask(sidelock.admin_port, "/metrics").body
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


class Prometheus:
    """A real one that scrapes one target. Context manager."""

    def __init__(self, folder, port, target):
        self.port = port
        (folder / "prometheus.yml").write_text(
            "scrape_configs:\n"
            "  - job_name: sidelock\n    scrape_interval: 1s\n    static_configs:\n"
            f"      - targets: ['127.0.0.1:{target}']\n")
        with open(folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

    def query(self, expression):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.request.quote(expression)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            assert self.process.poll() is None, "Prometheus has ended"
            return []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def test_a_real_prometheus_scrapes_it(run, echo_app, free_port, tmp_path):
    with run(echo_app.port, has_admin=True) as sidelock:
        exchange(sidelock)
        with Prometheus(tmp_path, free_port(), sidelock.admin_port) as prometheus:
            found = wait_until(lambda: prometheus.query('sidelock_connections_closed_total{reason="ok"} == 1'), "the scrape")
            assert found[0]["metric"]["port"] == str(sidelock.port)
            assert prometheus.query("up")[0]["value"][1] == "1"
            assert prometheus.query("histogram_quantile(0.9, sidelock_handshake_duration_seconds_bucket)")


@pytest.mark.netns
def test_under_capture_ports_have_their_own_names_and_the_proof_is_told(lab, tls_folder, tmp_path):
    with apps.App(apps.echo, address="0.0.0.0", port=80, namespace=lab.pod.name):
        settings = ("--ports", "80,81", "--backend", "iptables", "--hide-capture-ports", "off")
        assert init(lab.pod, *settings).returncode == 0
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings, "--capture-timeout", "1h") as sidelock:
            sidelock.wait_until_ready()
            with connect_tls(80, POD4, namespace=lab.client.name) as client:
                client.sendall(b"hello")
                receive_exactly(client, 5)
                client.unwrap()
            # A capture port itself is nobody's port.
            with contextlib.suppress(ConnectionResetError):  # as early as in connect()
                direct = connect(19100, POD4, namespace=lab.client.name)
                wait_for_end(direct)
                direct.close()

            def look():
                return scrape(19080, address=POD4, namespace=lab.client.name)
            wait_until(lambda: look().value("sidelock_connections_closed_total", reason="not_captured", port="other") == 1, "the direct hit")
            metrics = look()
            assert metrics.value("sidelock_connections_closed_total", reason="ok", port="80") == 1
            assert metrics.value("sidelock_connections_accepted_total") == 2  # our own probes are not among them
            assert metrics.value("sidelock_connections_accepted_total", port="81") == 0
            assert metrics.value("sidelock_capture_verified") == 1
            lab.pod.run("iptables-legacy", "-t", "nat", "-F")
            wait_until(lambda: look().value("sidelock_capture_verified") == 0, "the proof to fail")
