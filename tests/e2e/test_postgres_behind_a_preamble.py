"""preamble=postgres with the real psql and PostgreSQL; and what such clients, and MySQL's, are told without it."""

import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

import pytest

from support.client import connect, context, is_reset, receive_exactly, wait_for_end
from support.process import clean_environment
from support.waiting import wait_until

SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"
GSS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x30"
CANCEL_REQUEST = b"\0\0\0\x10\x04\xd2\x16\x2e" + b"\0\0\x12\x34secr"
STARTUP = b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0"
PREAMBLE = ("--preamble", "postgres")
PASSWORD = "correct horse"


class Postgres:
    """A server of its own in a temporary folder, on loopback alone, by scram-sha-256."""

    def __init__(self, folder):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        (folder / "password").write_text(PASSWORD)
        shutil.chown(folder, "postgres", "postgres")
        shutil.chown(folder / "password", "postgres")
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "env", "-C", str(folder)]
        subprocess.run([*as_postgres, programs / "initdb", "--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8",
                        "--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", folder / "data"],
                       check=True, capture_output=True, timeout=120)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*as_postgres, programs / "postgres", "-D", folder / "data", "-c", "listen_addresses=127.0.0.1",
                 "-c", f"port={self.port}", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB"],
                stdout=log, stderr=log)

    def wait_until_ready(self):
        def is_ready():
            assert self.process.poll() is None, self.log.read_text()
            return "ready to accept connections" in self.log.read_text()
        wait_until(is_ready, "PostgreSQL to be ready")
        return self

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


@pytest.fixture(scope="module")
def postgres():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sidelock-postgres-"))
    server = None
    try:
        server = Postgres(folder)
        yield server.wait_until_ready()
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder)


def psql(port, *arguments, sql="select 6 * 7", environment=None, **options):
    """Runs the real client; the options are libpq's."""
    words = {"host": "localhost", "hostaddr": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres"} | options
    text = " ".join(f"{name}={value}" for name, value in words.items())
    return subprocess.run(["psql", text, "--no-psqlrc", "-Atc", sql, *arguments], capture_output=True, text=True, check=False,
                          timeout=60, env=clean_environment(PGPASSWORD=PASSWORD, HOME="/nowhere", **(environment or {})))


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
def test_psql_asks_for_tls_and_gets_it(run, postgres, authority, mode):
    with run(postgres.port, *PREAMBLE) as sidelock:
        verified = {"sslrootcert": authority.certificate} if mode.startswith("verify") else {}
        shown = psql(sidelock.port, "-c", "\\conninfo", sslmode=mode, **verified)
        assert shown.stdout.startswith("42\n"), shown.stderr
        assert "protocol: TLSv1.3" in shown.stdout
        assert sidelock.wait_for_outcome("ok")["tls.protocol.version"] == "1.3"


def test_psql_refuses_a_name_that_the_certificate_does_not_have(run, postgres, authority):
    with run(postgres.port, *PREAMBLE) as sidelock:
        shown = psql(sidelock.port, sslmode="verify-full", sslrootcert=authority.certificate, host="other.example")
        assert "does not match host name" in shown.stderr
        sidelock.wait_for_access(1)


def test_channel_binding_is_used_as_far_as_the_server_offers_it(run, postgres):
    # PostgreSQL sees no TLS, so it offers SCRAM-SHA-256 without -PLUS: "prefer" goes without, "require" cannot.
    with run(postgres.port, *PREAMBLE) as sidelock:
        assert psql(sidelock.port, sslmode="require", channel_binding="prefer").stdout == "42\n"
        required = psql(sidelock.port, sslmode="require", channel_binding="require")
        assert required.returncode == 2 and "channel binding is required" in required.stderr
        sidelock.wait_for_access(2)


def test_many_short_connections_all_work(run, postgres, tmp_path):
    script = tmp_path / "one.sql"
    script.write_text("select 1;\n")
    with run(postgres.port, *PREAMBLE) as sidelock:
        shown = subprocess.run(["pgbench", "--no-vacuum", "--connect", "-c", "4", "-t", "15", "-f", str(script),
                                f"host=127.0.0.1 port={sidelock.port} user=postgres dbname=postgres sslmode=require"],
                               capture_output=True, text=True, check=False, timeout=120,
                               env=clean_environment(PGPASSWORD=PASSWORD))
        assert "number of transactions actually processed: 60/60" in shown.stdout, shown.stderr
        lines = sidelock.wait_for_access(60)
        assert {line["outcome"] for line in lines} <= {"ok", "client_closed_bare"}


def test_tls_from_the_first_byte_works_with_and_without_the_preamble(run, postgres):
    # As sslnegotiation=direct of PostgreSQL 17's clients does it.
    for settings in (PREAMBLE, ()):
        with run(postgres.port, *settings) as sidelock:
            with context(alpn=["postgresql"]).wrap_socket(connect(sidelock.port), server_hostname="localhost") as client:
                assert client.selected_alpn_protocol() == "postgresql"
                client.sendall(STARTUP)
                assert receive_exactly(client, 1) == b"R"  # the server asks for authentication
            sidelock.wait_for_access(1)


def test_gssapi_is_declined_and_tls_still_possible(run, postgres):
    with run(postgres.port, *PREAMBLE) as sidelock:
        plain = connect(sidelock.port)
        plain.sendall(GSS_REQUEST)
        assert receive_exactly(plain, 1) == b"N"
        plain.sendall(SSL_REQUEST)
        assert receive_exactly(plain, 1) == b"S"
        with context().wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(STARTUP)
            assert receive_exactly(client, 1) == b"R"
        sidelock.wait_for_access(1)


def test_the_request_may_come_byte_by_byte(run, echo_app):
    with run(echo_app.port, *PREAMBLE) as sidelock:
        plain = connect(sidelock.port)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in SSL_REQUEST:
            plain.sendall(bytes([byte]))
        assert receive_exactly(plain, 1) == b"S"
        with context().wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(SSL_REQUEST)  # what comes inside TLS is the app's
            assert receive_exactly(client, 8) == SSL_REQUEST
            client.unwrap()
        assert sidelock.wait_for_outcome("ok")["received_bytes"] == 8


@pytest.mark.parametrize("settings", [PREAMBLE, (*PREAMBLE, "--plaintext", "allow")], ids=["refuse", "allow"])
@pytest.mark.parametrize("after", [SSL_REQUEST, GSS_REQUEST, STARTUP], ids=["tls again", "gssapi", "startup"])
def test_after_the_promise_of_tls_only_tls_goes_on(run, echo_app, settings, after):
    with run(echo_app.port, *settings) as sidelock:
        plain = connect(sidelock.port)
        plain.sendall(SSL_REQUEST)
        assert receive_exactly(plain, 1) == b"S"
        plain.sendall(after)
        assert wait_for_end(plain) == "reset"
        plain.close()
        sidelock.wait_for_outcome("plaintext")
        assert echo_app.seen == []


@pytest.mark.parametrize("first, reason", [(STARTUP, None), (CANCEL_REQUEST, "PostgreSQL's CancelRequest without TLS")])
def test_what_comes_without_tls_never_reaches_the_app(run, echo_app, first, reason):
    with run(echo_app.port, *PREAMBLE) as sidelock:
        plain = connect(sidelock.port)
        plain.sendall(first)
        assert wait_for_end(plain) == "reset"
        plain.close()
        assert sidelock.wait_for_outcome("plaintext").get("error.message") == reason
        assert echo_app.seen == []


def test_a_second_request_of_gssapi_is_refused(run, echo_app):
    with run(echo_app.port, *PREAMBLE) as sidelock:
        plain = connect(sidelock.port)
        plain.sendall(GSS_REQUEST)
        assert receive_exactly(plain, 1) == b"N"
        plain.sendall(GSS_REQUEST)
        assert wait_for_end(plain) == "reset"
        plain.close()
        sidelock.wait_for_outcome("plaintext")


def test_a_client_that_stops_in_its_request_is_closed_at_the_limit(run, echo_app):
    with run(echo_app.port, *PREAMBLE, "--handshake-timeout", "300ms") as sidelock:
        for part in (SSL_REQUEST[:5], SSL_REQUEST):
            plain = connect(sidelock.port)
            plain.sendall(part)
            assert wait_for_end(plain) == "reset"
            plain.close()
        sidelock.wait_for_outcome("handshake_timeout", count=2)


def test_psql_without_tls_passes_while_plaintext_is_allowed(run, postgres):
    with run(postgres.port, *PREAMBLE, "--plaintext", "allow") as sidelock:
        assert psql(sidelock.port, sslmode="disable").stdout == "42\n"
        assert sidelock.wait_for_access(1)[0]["tls.established"] is False
        assert psql(sidelock.port, sslmode="prefer").stdout == "42\n"
        assert sidelock.wait_for_access(2)[1]["tls.protocol.version"] == "1.3"


def test_without_the_preamble_psql_is_refused_and_the_log_advises_once(run, postgres):
    with run(postgres.port) as sidelock:
        for _ in range(3):
            assert psql(sidelock.port, sslmode="require").returncode == 2
        lines = sidelock.wait_for_access(3)
        assert {line["outcome"] for line in lines} == {"plaintext"}
        assert {line["error.message"] for line in lines} == {"PostgreSQL's request for encryption"}
        advice = [message for message in sidelock.messages() if f"--port-policy {sidelock.port}:preamble=postgres" in message]
        assert len(advice) == 1


def test_a_mariadb_client_waits_in_vain_and_the_log_says_why(run, echo_app):
    # MySQL's server speaks first: the client sends nothing, with TLS or without.
    with run(echo_app.port, "--handshake-timeout", "300ms") as sidelock:
        for _ in range(2):
            shown = subprocess.run(["mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={sidelock.port}", "--user=app",
                                    "--ssl", "--execute=select 1"], capture_output=True, text=True, check=False, timeout=60,
                                   env=clean_environment())
            assert shown.returncode == 1 and "2013" in shown.stderr, shown
        line = sidelock.wait_for_outcome("handshake_timeout", count=2)
        assert line["error.message"] == "the client sent nothing"
        advice = [message for message in sidelock.messages() if "waits for the server to begin (MySQL, MariaDB" in message]
        assert len(advice) == 1
        assert echo_app.seen == []
