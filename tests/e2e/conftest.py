"""Fixtures of the end-to-end tests."""

import os
import shutil

import pytest

from support import apps
from support.certificates import Authority
from support.namespaces import Lab
from support.process import Sidelock, ended_at_last


def pytest_configure(config):
    config.addinivalue_line("markers", "netns: makes network namespaces; needs root")
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "alone: measures memory or processor use; shares the machine with nothing")
    config.addinivalue_line("markers", "threads: exercises what threads share; run with ThreadSanitizer too")


def pytest_collection_modifyitems(items):
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("netns"):
            item.add_marker(pytest.mark.skip(reason="making network namespaces needs root"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls_folder(authority, tmp_path_factory):
    """A folder like a mounted Secret: tls.crt and tls.key for localhost, not to be changed."""
    folder = tmp_path_factory.mktemp("tls")
    authority.issue("localhost", folder)
    return folder


@pytest.fixture(params=["iptables", "nftables"])
def backend(request):
    return request.param


@pytest.fixture
def readable_tls_folder(tls_folder, tmp_path):
    """A copy of tls_folder for a process of another user: a key that everybody can read is a warning of its own."""
    copy = tmp_path / "readable-tls"
    shutil.copytree(tls_folder, copy)
    for file in copy.iterdir():
        file.chmod(0o644)
    for folder in (copy, *copy.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    return copy


@pytest.fixture
def free_port():
    """A port that was free a moment ago, outside the ephemeral range, and different for every call."""
    import socket

    first = 20000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) * 1000

    def pick():
        while True:
            pick.last = first + (pick.last - first + 1) % 1000
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", pick.last))
                    return pick.last
                except OSError:
                    continue
    pick.last = first + os.getpid() % 1000
    return pick


@pytest.fixture
def run(tmp_path, tls_folder, free_port):
    """run(app_port, *settings) -> a ready Sidelock in explicit mode, with .port to connect to;
    with has_admin=True its health is at .admin_port, with has_status=True its status page at .status_port, else nowhere."""
    with ended_at_last() as started:
        def start(app_port, *settings, credential=None, is_ready=True, app_address="127.0.0.1", port=None,
                  listen_address="127.0.0.1", more_ports=(), has_admin=False, has_status=False, **options):
            port = port or free_port()
            admin_port = free_port() if has_admin else None
            status_port = free_port() if has_status else None
            pairs = [f"{listen_address}:{listening}={app_address}:{app_port}" for listening in (port, *more_ports)]
            arguments = ["--capture", "none", "--listen", ",".join(pairs), "--log-format", "json",
                         *(credential or ("--tls-dir", str(tls_folder))), *settings]
            if "--admin-address" not in settings:
                arguments += ["--admin-address", f"127.0.0.1:{admin_port}" if has_admin else "none"]
            if "--status-address" not in settings:
                arguments += ["--status-address", f"127.0.0.1:{status_port}" if has_status else "none"]
            if "--drain-delay" not in settings:
                arguments += ["--drain-delay", "0"]
            sidelock = Sidelock(arguments, tmp_path / f"sidelock-{len(started)}.log", **options)
            sidelock.port = port
            sidelock.admin_port = admin_port
            sidelock.status_port = status_port
            started.append(sidelock)
            return sidelock.wait_until_ready() if is_ready else sidelock

        yield start


@pytest.fixture
def echo_app():
    with apps.App(apps.echo) as app:
        yield app


@pytest.fixture
def lab():
    with Lab() as made:
        yield made
