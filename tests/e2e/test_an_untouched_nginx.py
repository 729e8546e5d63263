"""The main job: Debian's nginx serves plain HTTP in a pod, and clients outside get it over verified HTTPS."""

import hashlib
import subprocess

import pytest

from support import apps
from support.captured import POD4, POD6, init, run_captured
from support.waiting import wait_until

pytestmark = pytest.mark.netns

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 80; listen [::]:80; root {folder}/www; }}
}}
"""


@pytest.fixture
def nginx(lab, tmp_path):
    """nginx in the pod, with a small and a large page. Runs as root there, for want of a folder of its own user's."""
    www = tmp_path / "www"
    www.mkdir()
    (www / "small").write_text("hello from nginx\n")
    (www / "large").write_bytes(apps.pattern(30 << 20))
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"user root;{CONFIGURATION.format(folder=tmp_path)}")
    process = subprocess.Popen([*lab.pod.prefix, "/usr/sbin/nginx", "-p", str(tmp_path), "-c", str(configuration)])
    try:
        wait_until(lambda: curl(lab.pod, "http://127.0.0.1/small").stdout == "hello from nginx\n", "nginx")
        yield www
    finally:
        process.terminate()
        process.wait()


def curl(namespace, *arguments):
    return namespace.run("curl", "-sS", "--max-time", "60", *arguments, check=False)


def verified(authority, address):
    """curl's arguments for https://localhost/ at that address, verified with the authority's certificate."""
    host = f"[{address}]" if ":" in address else address
    return ["--cacert", str(authority.certificate), "--connect-to", f"localhost:80:{host}:80"]


@pytest.mark.parametrize("address", [POD4, POD6])
def test_pages_come_over_verified_https_on_port_80(lab, nginx, tls_folder, authority, tmp_path, address):
    assert init(lab.pod, "--ports", "80").returncode == 0
    with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80") as sidelock:
        sidelock.wait_until_ready()
        page = curl(lab.client, *verified(authority, address), "https://localhost:80/small")
        assert page.stdout == "hello from nginx\n", page

        # Twenty requests on one connection: curl keeps it alive as it would with nginx alone.
        sidelock.wait_for_access(1)
        many = curl(lab.client, *verified(authority, address), *["https://localhost:80/small"] * 20)
        assert many.stdout == "hello from nginx\n" * 20
        assert len(sidelock.wait_for_access(2)) == 2

        target = tmp_path / "received"
        curl(lab.client, *verified(authority, address), "-o", str(target), "https://localhost:80/large")
        assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256((nginx / "large").read_bytes()).digest()

        host = f"[{address}]" if ":" in address else address
        refused = curl(lab.client, f"http://{host}/small")
        assert refused.returncode != 0 and refused.stdout == ""
        assert {line["outcome"] for line in sidelock.wait_for_access(4)} == {"ok", "plaintext"}
