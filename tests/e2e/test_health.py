"""Health over HTTP: live, started, ready, and what each says when something is wrong."""

import json
import os
import pathlib
import signal
import socket

import pytest

from support.admin import ask
from support.captured import POD4, POD6, init, run_captured
from support.client import say_hello
from support.process import binary, clean_environment
from support.waiting import wait_until

pytestmark = pytest.mark.threads


def test_a_running_sidelock_is_live_started_and_ready(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        for path, verdict in (("/livez", "live"), ("/startupz", "started"), ("/readyz", "ready")):
            answer = ask(sidelock.admin_port, path)
            assert (answer.status, answer.body.splitlines()[0]) == (200, verdict)
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            as_json = json.loads(ask(sidelock.admin_port, path, accept="application/json").body)
            assert as_json["status"] == verdict
            lines = [f"{check['status']:<8}{check['name']}: {check['message']}" for check in as_json["checks"]]
            assert answer.body.splitlines()[1:] == lines
        assert {check["name"] for check in as_json["checks"]} == {"credential", "listeners", "capture", "drain"}


def test_there_is_nothing_else_and_nothing_to_change(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        for path in ("/", "/readyz/", "/livez/../readyz", "//readyz", "/status", "/debug/pprof/", "*"):
            assert ask(sidelock.admin_port, path).status == 404, path
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "NONSENSE"):
            answer = ask(sidelock.admin_port, "/readyz", method, body="x" * 100 if method == "POST" else None)
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD"), method
        head = ask(sidelock.admin_port, "/readyz", "HEAD")
        assert (head.status, head.body) == (200, "")
        assert int(head.headers["Content-Length"]) == len(ask(sidelock.admin_port, "/readyz").body)


def test_a_large_header_and_garbage_are_refused(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        assert ask(sidelock.admin_port, "/livez", cookie="x" * 10000).status == 431
        assert ask(sidelock.admin_port, "/" + "x" * 10000).status == 431
        with socket.create_connection(("127.0.0.1", sidelock.admin_port)) as client:
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage \r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_readiness_ends_with_sigterm_while_connections_are_still_served(run, echo_app):
    with run(echo_app.port, "--drain-delay", "1h", has_admin=True) as sidelock:
        sidelock.signal(signal.SIGTERM)
        answer = wait_until(lambda: (a := ask(sidelock.admin_port, "/readyz")).status == 503 and a, "readiness to end")
        assert answer.body.startswith("not ready\n") and "failed  drain: draining\n" in answer.body
        assert ask(sidelock.admin_port, "/livez").status == 200
        assert ask(sidelock.admin_port, "/startupz").status == 200
        say_hello(sidelock.port)
        sidelock.signal(signal.SIGTERM)
        assert sidelock.wait() == 1


@pytest.mark.parametrize("settings, status, mark", [((), 200, "warning"), (("--ready-needs", "valid-certificate"), 503, "failed ")])
def test_an_expired_certificate_is_a_warning_unless_readiness_needs_it(run, echo_app, authority, tmp_path, settings, status, mark):
    authority.issue("localhost", tmp_path / "expired", days=-1)
    with run(echo_app.port, *settings, credential=("--tls-dir", str(tmp_path / "expired")), has_admin=True,
             expected_errors=("not reloaded",)) as sidelock:  # the new pair is written in two steps
        answer = ask(sidelock.admin_port, "/readyz")
        assert answer.status == status
        assert f"{mark} credential: CN=localhost EXPIRED" in answer.body
        authority.issue("localhost", tmp_path / "expired")
        sidelock.signal(signal.SIGHUP)
        wait_until(lambda: "ok      credential" in ask(sidelock.admin_port, "/readyz").body, "the new certificate to count")


def test_a_failed_reload_is_told(run, echo_app, authority, tmp_path):
    certificate, _ = authority.issue("localhost", tmp_path / "tls")
    with run(echo_app.port, credential=("--tls-dir", str(tmp_path / "tls")), has_admin=True, expected_errors=("not reloaded",)) as sidelock:
        certificate.write_text("nonsense")
        sidelock.signal(signal.SIGHUP)
        answer = wait_until(lambda: "the last reload failed" in (a := ask(sidelock.admin_port, "/readyz")).body and a, "the warning")
        assert answer.status == 200


def test_an_address_in_use_is_a_failure_that_names_the_setting(run, echo_app, free_port):
    with socket.create_server(("127.0.0.1", free_port())) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        sidelock = run(echo_app.port, "--admin-address", address, is_ready=False, expected_errors=("--admin-address",))
        with sidelock:
            assert sidelock.wait() == 1
            assert f"--admin-address: cannot listen on {address}: Address already in use" in sidelock.messages()


def test_without_ipv6_in_the_kernel_health_is_served_over_ipv4(run, echo_app, free_port):
    shim = pathlib.Path(binary()).parent / "tests" / "libkernel_shim.so"
    port = free_port()
    environment = clean_environment(LD_PRELOAD=str(shim), SHIM_WITHOUT="ipv6",
                                    ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    with run(echo_app.port, "--admin-address", f"[::]:{port}", environment=environment) as sidelock:
        assert ask(port, "/readyz").status == 200
        assert sidelock.process.poll() is None


@pytest.mark.netns
def test_the_capture_is_part_of_readiness_and_startup(lab, tls_folder, tmp_path):
    with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--capture-timeout", "1h") as sidelock:
        def asked(path, address=POD4):
            return ask(19080, path, address=address, namespace=lab.client.name)

        sidelock.wait_for_message("not ready")
        for path in ("/readyz", "/startupz"):
            answer = asked(path)
            assert answer.status == 503
            assert "capture: not proven: a probe to 127.0.0.1:" in answer.body
        assert asked("/livez").status == 200
        assert init(lab.pod, "--ports", "80").returncode == 0
        sidelock.wait_until_ready()
        assert asked("/readyz", POD6).status == 200
        assert asked("/startupz").status == 200
        lab.pod.run("iptables-legacy", "-t", "nat", "-F")
        wait_until(lambda: asked("/readyz").status == 503, "readiness to end")
        assert asked("/startupz").status == 200
