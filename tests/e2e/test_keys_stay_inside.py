"""Keys reach no core dump, no other process of the same user, and no line of the log."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest
from cryptography.hazmat.primitives import serialization

from support.admin import ask
from support.client import connect_tls, context
from support.process import IS_SANITIZED, Sidelock, run_command

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


def dump(sidelock, folder, prefix=()):
    """What gdb's gcore says, and the dump that it has made, if any."""
    folder.chmod(0o777)
    done = subprocess.run([*prefix, "gcore", "-o", str(folder / "core"), str(sidelock.pid)], capture_output=True, text=True,
                          check=False, timeout=120)
    return done.stdout + done.stderr, next((file.read_bytes() for file in folder.glob("core.*")), b"")


@pytest.mark.skipif(IS_SANITIZED, reason="the leak sanitizer needs what is forbidden here")
def test_another_process_of_the_same_user_cannot_read_its_memory(keys, tmp_path, echo_app, free_port):
    with start(keys, tmp_path, echo_app.port, free_port()) as sidelock:
        for name in ("mem", "maps", "environ"):
            read = subprocess.run([*AS_USER, "head", "-c", "1", f"/proc/{sidelock.pid}/{name}"], capture_output=True, text=True,
                                  check=False)
            assert read.returncode != 0 and "Permission denied" in read.stderr, (name, read)
        (tmp_path / "dump").mkdir()
        said, made = dump(sidelock, tmp_path / "dump", AS_USER)
        assert made == b"" and "Operation not permitted" in said, "a debugger is refused"


def secrets_of(key_file):
    """Numbers that only the key's owner knows, as OpenSSL keeps them: the lowest bytes first."""
    key = serialization.load_pem_private_key(key_file.read_bytes(), None).private_numbers()
    numbers = (key.d, key.p, key.q) if hasattr(key, "d") else (key.private_value,)
    return [number.to_bytes((number.bit_length() + 7) // 8, "little") for number in numbers]


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer's shadow memory makes a dump of terabytes")
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_no_key_is_in_a_dump_that_a_debugger_makes(keys, tmp_path, authority, echo_app, free_port, kind):
    for source, name in zip(authority.issue("localhost", tmp_path / "tls", kind=kind), ("tls.crt", "tls.key")):
        (keys / name).chmod(0o600)
        (keys / name).write_bytes(source.read_bytes())
    port = free_port()
    (tmp_path / "dump").mkdir()
    with start(keys, tmp_path, echo_app.port, port) as sidelock:
        with connect_tls(port, tls=context(authority)) as client:
            client.unwrap()
        said, made = dump(sidelock, tmp_path / "dump")
        assert made, said
        # Root can have it all the same, by asking for more than the process does.
        pathlib.Path(f"/proc/{sidelock.pid}/coredump_filter").write_text("0x33")
        _, whole = dump(sidelock, tmp_path / "dump")
        for secret in secrets_of(keys / "tls.key"):
            assert secret in whole and secret not in made


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


def test_nothing_of_a_key_is_in_what_can_be_asked(run, echo_app, tls_folder, authority):
    with run(echo_app.port, has_admin=True, has_status=True) as sidelock:
        with connect_tls(sidelock.port, tls=context(authority)) as client:
            client.unwrap()
        texts = [ask(sidelock.admin_port, path).body for path in ("/metrics", "/readyz", "/livez", "/startupz")]
        texts += [ask(sidelock.status_port, path).body for path in ("/", "/status.json")]
        settings = ["--capture", "none", "--listen", f"127.0.0.1:{sidelock.port}=127.0.0.1:{echo_app.port}", "--tls-dir", str(tls_folder)]
        for command in (["doctor"], ["doctor", "--output", "json"], ["explain", "192.0.2.1", f"127.0.0.1:{sidelock.port}"]):
            done = run_command([*command, *settings])
            texts.append(done.stdout + done.stderr)
        assert all(texts)
        body = "".join((tls_folder / "tls.key").read_text().splitlines()[1:-1])
        for text in texts:
            assert not any(body[at:at + 16] in text for at in range(0, len(body) - 16)) and "PRIVATE KEY" not in text
        sidelock.wait_for_access(1)
