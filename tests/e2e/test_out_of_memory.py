"""When there is no memory for a connection it is given up, and nobody takes that for an end of what was sent."""

import pathlib
import ssl
import threading

import pytest

from support import apps
from support.client import connect_tls, wait_for_end
from support.process import IS_SANITIZED, binary, clean_environment
from support.waiting import wait_until


@pytest.mark.skipif(IS_SANITIZED, reason="the sanitizer brings allocations of its own, which the shim cannot refuse")
def test_in_the_middle_of_a_transfer_both_peers_see_a_reset_and_others_are_served(run, tmp_path):
    shim = pathlib.Path(binary()).parent / "tests" / "libmemory_shim.so"
    shortage = tmp_path / "shortage"
    environment = clean_environment(LD_PRELOAD=str(shim), SHIM_NO_MEMORY_WHILE=str(shortage))
    may_read = threading.Event()

    def read_late(connection, seen):
        assert may_read.wait(60)
        apps.receive_all(connection, seen)

    with apps.App(read_late) as app, run(app.port, environment=environment, expected_errors=("given up",)) as sidelock:
        with connect_tls(sidelock.port) as client:
            client.sendall(b"before")
            seen = app.connection()
            shortage.touch()
            client.settimeout(10)
            # What the app does not take must be kept, and that needs memory.
            with pytest.raises((ConnectionError, ssl.SSLEOFError)):
                for _ in range(1000):
                    client.sendall(bytes(65536))
            may_read.set()
            assert seen.wait().end == "reset"
        shortage.unlink()
        with connect_tls(sidelock.port) as client:
            client.sendall(b"after")
            wait_until(lambda: len(app.seen) == 2, "the second connection")
        sidelock.wait_for_message("given up")
