"""Ticket keys are replaced every twelve hours, and open tickets for twelve more; early data is never taken."""

import base64
import pathlib
import ssl
import struct
import subprocess

import pytest

from support.client import connect
from support.process import binary, clean_environment
from support.waiting import wait_until

HOUR = 3600


def visit(port, tls, session=None):
    """Returns (the session, whether it was resumed)."""
    with connect(port) as plain, tls.wrap_socket(plain, server_hostname="localhost", session=session) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        return client.session, client.session_reused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_opens_until_its_key_has_been_replaced_twice(run, echo_app, authority, tmp_path, version):
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("q", 0))

    def let_pass(hours):
        with open(clock, "r+b") as file:
            file.write(struct.pack("q", hours * HOUR))

    tls = ssl.create_default_context(cafile=str(authority.certificate))
    tls.minimum_version = tls.maximum_version = version
    shim = pathlib.Path(binary()).parent / "tests" / "libclock_shim.so"
    # LD_PRELOAD comes before the sanitizer's library, which it wants to be asked about.
    environment = clean_environment(LD_PRELOAD=str(shim), SHIM_CLOCK=str(clock),
                                    ASAN_OPTIONS="verify_asan_link_order=0")
    with run(echo_app.port, environment=environment) as sidelock:
        visits = 0

        def told_visit(session=None):
            nonlocal visits
            visits += 1
            result = visit(sidelock.port, tls, session)
            sidelock.wait_for_access(visits)  # two workers could tell of the next one first
            return result

        first, _ = told_visit()
        let_pass(13)  # it is used once, so that there is a key of these hours
        renewed, is_resumed = told_visit(first)
        assert is_resumed
        let_pass(23)
        assert told_visit(first)[1], "the key before the last opens for twelve hours"
        let_pass(26)
        assert not told_visit(first)[1], "a full handshake"
        assert told_visit(renewed)[1]
        assert [line["tls.resumed"] for line in sidelock.wait_for_access(5)] == [False, True, True, False, True]


def elements(content):
    """The elements of a DER sequence's content, each with its head."""
    while content:
        size, head = content[1], 2
        if size > 127:
            head += size - 128
            size = int.from_bytes(content[2:head])
        yield content[:head + size]
        content = content[head + size:]


def allow_early_data(session_file):
    """Makes OpenSSL's client believe that the server takes early data: [15] max_early_data of its session."""
    lines = session_file.read_text().splitlines()
    [sequence] = elements(base64.b64decode("".join(lines[1:-1])))
    parts = list(elements(sequence[2 + max(0, sequence[1] - 128):]))
    assert all(part[0] != 0xAF for part in parts), "the server has offered none"
    after = next((at for at, part in enumerate(parts) if part[0] > 0xAF), len(parts))
    content = b"".join([*parts[:after], bytes.fromhex("af0402024000"), *parts[after:]])
    sequence = b"\x30\x82" + len(content).to_bytes(2) + content
    session_file.write_text("\n".join([lines[0], base64.encodebytes(sequence).decode().strip(), lines[-1], ""]))


def test_early_data_is_refused_and_never_reaches_the_app(run, echo_app, tmp_path):
    session, early = tmp_path / "session.pem", tmp_path / "early"
    early.write_bytes(b"early " * 500)

    def exchange(*arguments):
        """Says a line and waits for its echo; returns all that s_client said."""
        with subprocess.Popen(["openssl", "s_client", "-tls1_3", "-connect", f"127.0.0.1:{sidelock.port}", *arguments], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            client.stdin.write("hello app\n")
            client.stdin.flush()
            shown = []
            for line in client.stdout:
                shown.append(line)
                if line == "hello app\n":
                    break
            return "".join(shown) + client.communicate()[0]

    with run(echo_app.port) as sidelock:
        exchange("-sess_out", str(session))
        wait_until(session.exists, "a ticket")
        assert "Early data was not sent" in exchange("-sess_in", str(session), "-early_data", str(early))
        allow_early_data(session)
        assert "Early data was rejected" in exchange("-sess_in", str(session), "-early_data", str(early))
        sidelock.wait_for_access(3)
        assert [seen.wait().head for seen in echo_app.seen] == [b"hello app\n"] * 3
