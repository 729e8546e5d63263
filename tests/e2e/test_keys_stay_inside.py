"""Keys reach no core dump, no other process of the same user, and no line of the log."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from support.client import connect_tls, context
from support.process import IS_SANITIZED, Sidelock

UID = 19100
AS_USER = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]


@pytest.fixture
def keys(tls_folder):
    """A folder of the user with a pair in it."""
    folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    for name in ("tls.crt", "tls.key"):
        shutil.copy(tls_folder / name, folder / name)
        os.chown(folder / name, UID, UID)
    os.chmod(folder / "tls.key", 0o400)
    os.chown(folder, UID, UID)
    yield folder
    shutil.rmtree(folder)


def start(keys, tmp_path, app_port, port):
    arguments = ["--capture", "none", "--listen", f"127.0.0.1:{port}=127.0.0.1:{app_port}", "--admin-address", "none", "--tls-dir", str(keys),
                 "--log-format", "json", "--log-level", "debug", "--drain-delay", "0"]
    return Sidelock(arguments, tmp_path / "log", prefix=["prlimit", "--core=unlimited", *AS_USER]).wait_until_ready()


@pytest.mark.skipif(IS_SANITIZED, reason="the leak sanitizer needs what is forbidden here")
def test_another_process_of_the_same_user_cannot_read_its_memory(keys, tmp_path, echo_app, free_port):
    with start(keys, tmp_path, echo_app.port, free_port()) as sidelock:
        for name in ("mem", "maps", "environ"):
            read = subprocess.run([*AS_USER, "head", "-c", "1", f"/proc/{sidelock.pid}/{name}"], capture_output=True, text=True,
                                  check=False)
            assert read.returncode != 0 and "Permission denied" in read.stderr, (name, read)


def test_it_leaves_no_core_dump(keys, tmp_path, echo_app, free_port):
    sidelock = start(keys, tmp_path, echo_app.port, free_port())
    limits = pathlib.Path(f"/proc/{sidelock.pid}/limits").read_text()
    assert "Max core file size        0                    0" in limits
    sidelock.signal(signal.SIGABRT)
    ended = os.waitid(os.P_PID, sidelock.pid, os.WEXITED | os.WNOWAIT)
    assert ended.si_code == os.CLD_KILLED, "CLD_DUMPED would be a core dump"
    sidelock.process.wait()


def test_nothing_of_a_key_is_in_the_log(keys, tmp_path, authority, echo_app, free_port):
    port = free_port()
    with start(keys, tmp_path, echo_app.port, port) as sidelock:
        with connect_tls(port, tls=context(authority)) as client:
            client.unwrap()
        sidelock.wait_for_access(1)
        body = "".join((keys / "tls.key").read_text().splitlines()[1:-1])
        text = sidelock.log_path.read_text() + sidelock.stderr()
        assert not any(body[at:at + 16] in text for at in range(0, len(body) - 16))
        assert "PRIVATE KEY" not in text


@pytest.mark.parametrize("mode, is_reported", [(0o644, True), (0o640, False)])
def test_a_key_that_everybody_may_read_is_reported(run, echo_app, authority, tmp_path, mode, is_reported):
    _, key = authority.issue("localhost", tmp_path / "tls")
    key.chmod(mode)
    with run(echo_app.port, credential=("--tls-dir", str(tmp_path / "tls"))) as sidelock:
        assert any("can be read by every user" in message for message in sidelock.messages()) == is_reported
