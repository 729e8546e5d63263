"""The status page shows people what the metrics show to machines, to nobody whose browser was led there, and needs nothing."""

import html
import json
import re
import signal

import pytest

from support.admin import ask
from support.browser import chromium
from support.client import connect, connect_tls, receive_exactly, wait_for_end
from support.metrics import scrape
from support.waiting import wait_until


def exchange(sidelock, size=5000):
    with connect_tls(sidelock.port) as client:
        client.sendall(b"x" * size)
        receive_exactly(client, size)
        client.unwrap()


def refuse_plaintext(sidelock):
    with connect(sidelock.port) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_for_end(plain)


def page_of(sidelock):
    return ask(sidelock.status_port, "/").body


def facts_of(sidelock):
    return json.loads(ask(sidelock.status_port, "/status.json").body)


def text_of(page, part):
    """What is to be read in the element with that id, without its marks."""
    inside = re.search(rf'id="{part}"[^>]*>(.*?)</(?:section|footer|header)>', page, re.DOTALL).group(1)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", inside))).strip()


@pytest.fixture
def busy(run, echo_app):
    """One that has served, refused, and holds one connection."""
    with run(echo_app.port, has_admin=True, has_status=True) as sidelock:
        for _ in range(3):
            exchange(sidelock)
        refuse_plaintext(sidelock)
        sidelock.wait_for_outcome("plaintext")
        with connect_tls(sidelock.port) as client:
            wait_until(lambda: facts_of(sidelock)["connections_open"] == 1 and facts_of(sidelock)["handshakes_ok"] == 4, "the open connection")
            yield sidelock
            client.unwrap()


def test_its_numbers_are_those_of_the_metrics(busy):
    wait_until(lambda: scrape(busy.admin_port).value("sidelock_handshakes_total", result="ok") == 4, "the metrics to be fresh")
    metrics, facts, page = scrape(busy.admin_port), facts_of(busy), page_of(busy)
    port = {"port": str(busy.port)}
    assert facts["connections_open"] == metrics.value("sidelock_connections_open") == 1
    assert facts["received_from_clients"] == metrics.value("sidelock_received_bytes_total", peer="client") == 15000
    assert facts["sent_to_clients"] == metrics.value("sidelock_sent_bytes_total", peer="client") == 15000
    assert facts["handshakes_failed"] == 1
    assert facts["connections_limit"] == metrics.value("sidelock_connections_limit")
    for reason, count in facts["closed"].items():
        assert metrics.value("sidelock_connections_closed_total", reason=reason) == count
    assert facts["closed"] == {"ok": 3, "plaintext": 1}
    shown = facts["ports"][0]
    assert (shown["port"], shown["accepted"]) == (port["port"], metrics.value("sidelock_connections_accepted_total", **port)) == (port["port"], 5)
    assert facts["certificates"][0]["not_after"] == metrics.value("sidelock_certificate_not_after_timestamp_seconds")
    row = text_of(page, "ports")
    assert re.search(rf"{busy.port} 127\.0\.0\.1:\d+ TLS required 1 5 15\.0 kB 15\.0 kB$", row), row
    assert text_of(page, "endings") == "ok 3 plaintext 1"
    assert text_of(page, "results") == "ok 4 plaintext 1"


def test_the_facts_need_no_javascript(busy):
    page = re.sub(r"<script>.*?</script>", "", page_of(busy), flags=re.DOTALL)
    assert re.search(r"\d+ hours left", text_of(page, "certificates"))
    assert "CN=localhost" in text_of(page, "certificates")
    assert "Nothing is captured" in text_of(page, "checks")
    assert "ok listeners 1 port(s)" in text_of(page, "checks")
    assert "OpenSSL 3." in text_of(page, "foot")
    assert text_of(page, "messages") == "None since the start."
    assert re.search(r'id="connections-0">1<', page)


def test_it_asks_nobody_else_and_nobody_else_may_use_it(busy):
    answer = ask(busy.status_port, "/")
    for name in ("src", "href", "action", "url"):
        assert set(re.findall(rf'\b{name}\s*[=(]\s*["\']?([^"\'>)\s]*)', answer.body)) <= {"data:,"}, name
    assert set(re.findall(r"https?://[^\s\"'<]*", answer.body)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] is None
    assert ask(busy.status_port, "/status.json").headers["Content-Type"] == "application/json"
    assert ask(busy.status_port, "/", method="POST", body="x").status == 405
    assert ask(busy.status_port, "/metrics").status == 404
    assert ask(busy.admin_port, "/status.json").status == 404


@pytest.mark.parametrize("path", ["/", "/status.json"])
def test_a_name_that_somebody_points_here_gets_nothing(run, echo_app, path):
    with run(echo_app.port, has_status=True) as sidelock:
        for host in ("evil.example", f"evil.example:{sidelock.status_port}", "localhost.evil.example", "10.0.0.1", ""):
            answer = ask(sidelock.status_port, path, Host=host)
            assert (answer.status, "CN=" in answer.body) == (421, False), host
        for host in ("localhost", "localhost:1", "127.0.0.1:19081", "[::1]:8080"):
            assert ask(sidelock.status_port, path, Host=host).status == 200, host


def test_what_others_wrote_stays_text(run, echo_app, authority, tmp_path):
    hostile = "<img src=x onerror=document.title=1>"
    folder = tmp_path / "<b>&tls"
    authority.issue(hostile, folder, names=("localhost",))
    with run(echo_app.port, credential=("--tls-dir", str(folder)), has_status=True, expected_errors=("not reloaded",)) as sidelock:
        (folder / "tls.crt").write_text("nonsense")
        sidelock.signal(signal.SIGHUP)
        def errors():
            return [message for message in facts_of(sidelock)["messages"] if message["level"] == "error"]
        wait_until(errors, "the failed reload")
        page = page_of(sidelock)
        assert "<img" not in page and "<b>&" not in page
        subject = hostile.strip("<>")  # OpenSSL puts backslashes before these
        assert subject in text_of(page, "certificates")
        assert "<b>&tls" in text_of(page, "messages") and "error " in text_of(page, "messages")
        wait_until(lambda: "the last reload failed" in text_of(page_of(sidelock), "checks"), "the check to say it, too")
        assert subject in facts_of(sidelock)["certificates"][0]["subject"]
        assert "<b>&tls" in errors()[0]["message"]


def test_it_is_nowhere_when_nobody_wants_it(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        assert "the status page is at" not in sidelock.messages()


def test_a_port_in_use_is_named(run, echo_app):
    with run(echo_app.port) as first:
        address = f"127.0.0.1:{first.port}"
        second = run(echo_app.port, "--status-address", address, is_ready=False, expected_errors=("--status-address",))
        with second:
            assert second.wait() == 1
            assert f"--status-address: cannot listen on {address}: Address already in use" in second.messages()


def test_a_browser_draws_it_and_keeps_it_up_to_date(busy, tmp_path):
    # Virtual time lets the page ask a few times before its content is printed.
    seen = chromium(tmp_path / "profile", f"http://127.0.0.1:{busy.status_port}/", "--virtual-time-budget=4000", "--dump-dom")
    assert '<span id="live" class="">live</span>' in seen
    assert re.search(r'<div class="big" id="connections-0">1</div>', seen)
    assert text_of(seen, "endings") == "ok 3 plaintext 1"
    for plot, lines in (("connections", 2), ("throughput", 2), ("handshakes", 2)):
        section = re.search(rf'<section id="{plot}">.*?</section>', seen, re.DOTALL).group(0)
        assert len(re.findall(r'<path class="\w+" d="M[\d. ]+', section)) == lines, plot
