"""wget, Python, Node, curl over h2 and openssl close without close_notify: the app must not see a reset for that."""

import http.client
import shutil
import subprocess

import pytest

from support.client import context
from support.waiting import wait_until

NODE_SERVER = """
const net = require('net');
const server = net.createServer({allowHalfOpen: false}, socket => {
  // No 'error' listener on purpose: a reset would end this process.
  socket.on('data', () => socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nhello'));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""

NODE_CLIENT = """
const https = require('https');
https.get({port: PORT, host: '127.0.0.1', rejectUnauthorized: false, agent: false}, answer => {
  answer.on('data', data => process.stdout.write(data));
  answer.on('end', () => process.exit(0));
});
"""


@pytest.fixture
def node_app():
    if not shutil.which("node"):
        pytest.skip("node is not installed: apt-get install nodejs")
    process = subprocess.Popen(["node", "-e", NODE_SERVER], stdout=subprocess.PIPE, text=True)
    try:
        process.port = int(process.stdout.readline())
        yield process
        assert process.poll() is None, "the Node server died of an unhandled error"
    finally:
        process.kill()
        process.wait()


def wget(port):
    return subprocess.run(["wget", "-q", "-O", "-", "--no-check-certificate", f"https://127.0.0.1:{port}/"],
                          capture_output=True, text=True, check=True, timeout=30).stdout


def python_http(port):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context(), timeout=30)
    connection.request("GET", "/")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def node_https(port):
    return subprocess.run(["node", "-e", NODE_CLIENT.replace("PORT", str(port))], capture_output=True, text=True,
                          check=True, timeout=30).stdout


def curl(port):
    return subprocess.run(["curl", "-sk", "--http1.1", f"https://127.0.0.1:{port}/"], capture_output=True, text=True,
                          check=True, timeout=30).stdout


def s_client(port):
    answer = subprocess.run(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"],
                            input="GET / HTTP/1.1\r\n\r\n", capture_output=True, text=True, check=False, timeout=30).stdout
    return answer.rsplit("\n", 1)[-1]


@pytest.mark.parametrize("client", [wget, python_http, node_https, curl, s_client])
def test_the_app_sees_a_clean_end(run, node_app, client):
    with run(node_app.port) as sidelock:
        for _ in range(5):
            assert client(sidelock.port) == "hello"
        lines = sidelock.wait_for_access(5)
        assert {line["outcome"] for line in lines} <= {"ok", "client_closed_bare"}, lines


def test_curl_over_h2_reaches_an_app_that_speaks_it_in_plain(run, free_port, tmp_path):
    if not shutil.which("nghttpd"):
        pytest.skip("nghttpd is not installed: apt-get install nghttp2-server")
    port = free_port()
    (tmp_path / "hello").write_text("hello over h2")
    app = subprocess.Popen(["nghttpd", "--no-tls", "-d", str(tmp_path), "--address=127.0.0.1", str(port)])
    try:
        with run(port, "--alpn", "h2,http/1.1") as sidelock:
            def fetch():
                return subprocess.run(["curl", "-sk", "--http2", f"https://127.0.0.1:{sidelock.port}/hello"],
                                      capture_output=True, text=True, check=False, timeout=30).stdout
            wait_until(lambda: fetch() == "hello over h2", "the h2 app")
            line = sidelock.access()[-1] if sidelock.access() else sidelock.wait_for_access(1)[-1]
            assert line["tls.next_protocol"] == "h2"
            assert line["outcome"] in ("ok", "client_closed_bare", "app_refused")
    finally:
        app.kill()
        app.wait()
