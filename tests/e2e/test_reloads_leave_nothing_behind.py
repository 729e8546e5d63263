"""A thousand reloads, by signal and by the swap of a mounted Secret, leave descriptors, threads and memory as they were."""

import os
import signal

import pytest

from support.client import RawTls
from support.pki import Ca
from support.process import IS_SANITIZED
from support.secret import Secret
from support.waiting import wait_until

# A sanitizer looks for leaks at the end by itself, and keeps what was freed for a while.
WARM_UP, RELOADS = (10, 200) if IS_SANITIZED else (200, 1000)
# Far below what any one thing of a reload would leave a thousand times: a certificate or a list takes kilobytes.
FLAT = 512 << 10


@pytest.fixture
def versions(authority, tmp_path):
    """Two versions of everything: pair, authorities and revocation lists."""
    made = []
    for name in ("first.example", "second.example"):
        certificate, key = authority.issue("localhost", tmp_path / name, names=(name,))
        authorities = [Ca(tmp_path / name / str(number), f"{name} {number}") for number in range(5)]
        bundle, lists = tmp_path / name / "bundle.crt", tmp_path / name / "all.crl"
        bundle.write_bytes(b"".join(each.certificate.read_bytes() for each in authorities))
        lists.write_bytes(b"".join(each.crl(tmp_path / "one.crl").read_bytes() for each in authorities))
        made.append({"tls_crt": certificate, "tls_key": key, "ca_crt": bundle, "ca_crl": lists})
    return made


@pytest.mark.alone
@pytest.mark.slow
def test_a_thousand_reloads_leave_nothing_behind(run, echo_app, versions, tmp_path):
    secret = Secret(tmp_path / "secret")
    secret.publish(**versions[0])
    with run(echo_app.port, "--workers", "2", "--client-auth", "optional", "--client-ca-file", str(secret.folder / "ca.crt"),
             "--client-crl-file", str(secret.folder / "ca.crl"), credential=("--tls-dir", str(secret.folder))) as sidelock:
        def reloads():
            return sidelock.log_path.read_bytes().count(b"credential reloaded")

        def reload(times):
            for number in range(times):
                before = reloads()
                if number % 2:
                    secret.publish(**versions[number // 2 % 2])
                sidelock.signal(signal.SIGHUP)
                wait_until(lambda: reloads() > before, "a reload", pause=0.001)
                if number % 50 == 0:
                    RawTls(sidelock.port).close()  # a session of the present version, and its ticket keys

        def usage():
            wait_until(lambda: sidelock.open_files() == files, "the descriptors of the clients to be closed")
            return sidelock.open_files(), len(os.listdir(f"/proc/{sidelock.pid}/task")), sidelock.private_bytes()

        client = RawTls(sidelock.port)
        client.send(b"x")
        client.receive_exactly(1)
        files = sidelock.open_files()
        reload(WARM_UP)
        *others, memory = usage()
        reload(RELOADS)
        *others_later, memory_later = usage()
        assert others_later == others
        assert IS_SANITIZED or memory_later - memory < FLAT, (memory, memory_later)
        client.send(b"y")
        assert client.receive_exactly(1) == b"y", "a connection from before the first reload"
        client.close_notify()
        client.close()
