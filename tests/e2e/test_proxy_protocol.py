"""--proxy-protocol: real receivers believe what it says of the client, and the header comes before any other byte."""

import contextlib
import ssl
import struct
import subprocess

import pytest

from support import apps
from support.client import BLOCK, connect, connect_tls, context, receive_exactly
from support.pki import Ca
from support.waiting import wait_until

NGINX = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} proxy_protocol; listen [::1]:{port} proxy_protocol;
    location / {{
      return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port\\n";
    }}
  }}
}}
"""

HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend receiver
  bind 127.0.0.1:{port} accept-proxy
  bind [::1]:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]\\n"
"""


@contextlib.contextmanager
def receiver(command, port):
    process = subprocess.Popen(command)
    try:
        def is_listening():
            with contextlib.suppress(OSError):
                connect(port).close()
                return True
        wait_until(is_listening, command[0])
        yield
    finally:
        process.terminate()
        process.wait()


def nginx(folder, port):
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    return receiver(["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], port)


def haproxy(folder, port):
    (folder / "haproxy.cfg").write_text(HAPROXY.format(port=port))
    return receiver(["/usr/sbin/haproxy", "-db", "-q", "-f", str(folder / "haproxy.cfg")], port)


def ask(sidelock, address, name=None):
    """(What the receiver says of the client, what the client says of itself)."""
    with connect_tls(sidelock.port, address, name=name) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := client.recv(BLOCK):
            answer += part
        return answer.decode().splitlines()[-1].split(), [address, str(client.getsockname()[1]), address, str(sidelock.port)]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_haproxy_takes_both_versions(run, tmp_path, free_port, version, address):
    with haproxy(tmp_path, port := free_port()):
        with run(port, "--proxy-protocol", version, listen_address="[::1]" if ":" in address else address,
                 app_address="[::1]" if ":" in address else address) as sidelock:
            told, true = ask(sidelock, address, name="app.example")
            assert told[:4] == true
            line = sidelock.wait_for_access(1)[0]
            if version == "v2":
                assert told[4:] == ["app.example", line["proxy_protocol.unique_id"]]
            else:
                assert "proxy_protocol.unique_id" not in line


# Debian's nginx takes no header above 107 bytes; over IPv6 even the shortest of version 2 is longer.
@pytest.mark.parametrize("version, address", [("v1", "127.0.0.1"), ("v1", "::1"), ("v2", "127.0.0.1")])
def test_nginx_takes_both_versions(run, tmp_path, free_port, version, address):
    with nginx(tmp_path, port := free_port()):
        with run(port, "--proxy-protocol", version, listen_address="[::1]" if ":" in address else address,
                 app_address="[::1]" if ":" in address else address) as sidelock:
            told, true = ask(sidelock, address)
            assert told == true


def values(data):
    """The type-length-value part as {type: value}."""
    found = {}
    while data:
        kind, size = struct.unpack(">BH", data[:3])
        found[kind] = data[3:3 + size]
        data = data[3 + size:]
    return found


@pytest.mark.parametrize("version, cipher", [(ssl.TLSVersion.TLSv1_3, b"TLS_AES_128_GCM_SHA256"),
                                             (ssl.TLSVersion.TLSv1_2, b"ECDHE-ECDSA-AES128-GCM-SHA256")])
def test_version_2_tells_what_tls_agreed_on(run, echo_app, version, cipher):
    with run(echo_app.port, "--proxy-protocol", "v2", "--alpn", "h2,http/1.1") as sidelock:
        with connect_tls(sidelock.port, tls=context(alpn=["http/1.1"], version=version), name="app.example") as client:
            client.sendall(b"ping")
            seen = echo_app.connection()
            wait_until(lambda: seen.head.endswith(b"ping"), "the header and the first bytes")
            assert seen.head[:14] == b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
            size = struct.unpack(">H", seen.head[14:16])[0]
            assert len(seen.head) == 16 + size + 4
            told = values(seen.head[28:16 + size])
            assert told[0x01] == b"http/1.1" and told[0x02] == b"app.example"
            assert told[0x20][:5] == b"\x01\x00\x00\x00\x01"
            name = {ssl.TLSVersion.TLSv1_3: b"TLSv1.3", ssl.TLSVersion.TLSv1_2: b"TLSv1.2"}[version]
            assert values(told[0x20][5:]) == {0x21: name, 0x23: cipher}
            receive_exactly(client, len(seen.head))
            client.unwrap()
        assert sidelock.wait_for_access(1)[0]["proxy_protocol.unique_id"].encode() == told[0x05]


def told_of_tls(app, connection, client):
    """The value of the SSL part of the header of the app's connection with this number: (its first five bytes, {type: value})."""
    client.sendall(b"ping")
    seen = app.connection(connection)
    wait_until(lambda: seen.head.endswith(b"ping"), "the header and the first bytes")
    size = struct.unpack(">H", seen.head[14:16])[0]
    told = values(seen.head[28:16 + size])[0x20]
    receive_exactly(client, len(seen.head))
    return told[:5], values(told[5:])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_version_2_tells_whose_certificate_was_verified_and_when(run, echo_app, tmp_path, version):
    ca = Ca(tmp_path / "ca", "Client CA")
    pair = ca.issue("alice")
    tls, anonymous = context(version=version), context(version=version)
    tls.load_cert_chain(pair.certificate, pair.key)
    with run(echo_app.port, "--proxy-protocol", "v2", "--client-auth", "optional", "--client-ca-file", str(ca.certificate)) as sidelock:
        def visit(number, with_context, session=None):
            plain = connect(sidelock.port)
            with with_context.wrap_socket(plain, server_hostname="localhost", session=session) as client:
                told, more = told_of_tls(echo_app, number, client)
                assert client.session_reused == (session is not None)
                result = told, more.get(0x22), client.session
                client.unwrap()
                return result
        # TLS, a certificate on this connection, one of this session; then that it was verified: 0.
        told, name, session = visit(0, tls)
        assert (told, name) == (b"\x07\0\0\0\0", b"alice")
        assert visit(1, tls, session)[:2] == (b"\x05\0\0\0\0", b"alice"), "from the session alone"
        assert visit(2, anonymous)[:2] == (b"\x01\0\0\0\x01", None), "nothing was verified"


def read_line(connection):
    line = b""
    while not line.endswith(b"\r\n"):
        line += connection.recv(1)
    return line


def test_an_app_that_speaks_first_gets_the_header_at_once(run):
    def greet(connection, seen):
        seen.note(read_line(connection))
        connection.sendall(b"220 welcome\r\n")
        apps.echo(connection, seen)

    with apps.App(greet) as app, run(app.port, "--proxy-protocol", "v1") as sidelock:
        with connect_tls(sidelock.port) as client:
            assert receive_exactly(client, 13) == b"220 welcome\r\n"
            assert app.connection().head.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
            client.sendall(b"ping")
            assert receive_exactly(client, 4) == b"ping"
            client.unwrap()
        line = sidelock.wait_for_access(1)[0]
        assert (line["outcome"], line["received_bytes"], line["sent_bytes"]) == ("ok", 4, 17)


def test_the_header_shares_a_segment_with_what_the_client_has_said_already(run):
    def take_one(connection, seen):
        seen.note(connection.recv(BLOCK))
        apps.receive_all(connection, seen)

    with apps.App(take_one) as app, run(app.port, "--proxy-protocol", "v1") as sidelock:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with connect(sidelock.port) as plain:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(BLOCK))
            tls.write(b"GET / HTTP/1.0\r\n\r\n")
            plain.sendall(outgoing.read())  # Finished and the request in one
            seen = app.connection()
            wait_until(lambda: seen.count, "the first bytes")
            assert seen.head.startswith(b"PROXY TCP4 ") and seen.head.endswith(b"\r\nGET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.unwrap()
            plain.sendall(outgoing.read())
            seen.wait()
        sidelock.wait_for_outcome("ok")
