"""ALPN with real peers: gRPC and h2c apps, odd names, and reloads."""

import signal
import subprocess

import pytest

from support.client import RawTls, connect_tls, context
from support.process import clean_environment
from support.waiting import wait_until

GRPC_SERVER = """
import concurrent.futures, grpc
handlers = {
    "Once": grpc.unary_unary_rpc_method_handler(lambda request, _: request[::-1]),
    "Stream": grpc.stream_stream_rpc_method_handler(lambda requests, _: (request[::-1] for request in requests)),
}
server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Mirror", handlers),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""

GRPC_CLIENT = """
import sys, grpc
credentials = grpc.ssl_channel_credentials(root_certificates=open(sys.argv[2], "rb").read())
with grpc.secure_channel("127.0.0.1:" + sys.argv[1], credentials) as channel:
    print(channel.unary_unary("/test.Mirror/Once")(b"abc", timeout=30).decode())
    messages = [b"%d" % number * 1000 for number in range(10, 60)]
    answers = list(channel.stream_stream("/test.Mirror/Stream")(iter(messages), timeout=30))
    print(answers == [message[::-1] for message in messages])
"""


@pytest.fixture
def grpc_app():
    process = subprocess.Popen(["/usr/bin/python3", "-c", GRPC_SERVER], stdout=subprocess.PIPE, text=True,
                               env=clean_environment())
    try:
        process.port = int(process.stdout.readline())
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("setting", ["auto", "h2,http/1.1"])
def test_a_grpc_client_reaches_a_grpc_app(run, grpc_app, authority, setting):
    # gRPC offers no http/1.1 and refuses servers that do not choose it.
    with run(grpc_app.port, "--alpn", setting) as sidelock:
        shown = subprocess.run(["/usr/bin/python3", "-c", GRPC_CLIENT, str(sidelock.port), str(authority.certificate)],
                               capture_output=True, text=True, check=False, timeout=60, env=clean_environment())
        assert shown.stdout == "cba\nTrue\n", shown.stderr
        # Older gRPC calls HTTP/2 "grpc-exp" first.
        expected = ("h2", "grpc-exp") if setting == "auto" else ("h2",)
        assert sidelock.wait_for_access(1)[0]["tls.next_protocol"] in expected


@pytest.fixture
def h2c_app(tmp_path, free_port):
    (tmp_path / "htdocs").mkdir()
    (tmp_path / "htdocs" / "page").write_text("x" * 5000)
    port = free_port()
    process = subprocess.Popen(["nghttpd", "--no-tls", "--address=127.0.0.1", "-d", str(tmp_path / "htdocs"), str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # It says nothing when it is ready: look for its listener.
        wait_until(lambda: f":{port:04X} 00000000:0000 0A" in open("/proc/net/tcp", encoding="ascii").read(),
                   "nghttpd to listen")
        process.port = port
        yield process
    finally:
        process.kill()
        process.wait()


def test_h2load_reaches_an_h2c_app_with_many_streams(run, h2c_app):
    with run(h2c_app.port, "--alpn", "h2,http/1.1") as sidelock:
        shown = subprocess.run(["h2load", "-n", "400", "-c", "8", "-m", "10", f"https://127.0.0.1:{sidelock.port}/page"],
                               capture_output=True, text=True, check=True, timeout=60).stdout
        assert "Application protocol: h2" in shown
        assert "400 succeeded, 0 failed, 0 errored, 0 timeout" in shown
        assert {line["outcome"] for line in sidelock.wait_for_access(8)} <= {"ok", "client_closed_bare"}


def test_an_http1_client_is_refused_where_only_h2_is_spoken(run, h2c_app):
    with run(h2c_app.port, "--alpn", "h2") as sidelock:
        shown = subprocess.run(["curl", "--silent", "--show-error", "--insecure", "--http1.1",
                                f"https://127.0.0.1:{sidelock.port}/page"], capture_output=True, text=True, check=False,
                               timeout=30)
        assert shown.returncode == 35 and "no application protocol" in shown.stderr
        sidelock.wait_for_outcome("no_application_protocol")


@pytest.mark.parametrize("name", ["x" * 255, "a\x1b[2J\nb", "\x00"], ids=["longest", "control characters", "null"])
def test_odd_names_are_answered_and_logged_harmlessly(run, echo_app, name):
    with run(echo_app.port) as sidelock:
        client = RawTls(sidelock.port, tls=context(alpn=[name]))
        assert client.tls.selected_alpn_protocol() == name
        client.close_notify()
        client.close()
        logged = sidelock.wait_for_access(1)[0]["tls.next_protocol"]
        assert logged.isprintable() and len(logged) <= 256 + len("...")


def test_the_choice_survives_a_reload(run, echo_app, authority, tmp_path):
    folder = tmp_path / "tls"
    authority.issue("localhost", folder, names=("first.example",))
    # Between the two files of the new pair it does not match.
    with run(echo_app.port, "--alpn", "h2", credential=("--tls-dir", str(folder)),
             expected_errors=("credential not reloaded",)) as sidelock:
        authority.issue("localhost", folder, names=("second.example",))
        sidelock.signal(signal.SIGHUP)
        sidelock.wait_for_message("credential reloaded")

        def second_is_served():
            with connect_tls(sidelock.port, tls=context(authority, alpn=["http/1.1", "h2"])) as client:
                assert client.selected_alpn_protocol() == "h2"
                names = [value for _, value in client.getpeercert()["subjectAltName"]]
                client.unwrap()
                return "second.example" in names
        wait_until(second_is_served, "the new certificate")
