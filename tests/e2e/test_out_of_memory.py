"""When there is no memory for a connection it is given up, and nobody takes that for an end of what was sent."""

import ssl
import threading

import pytest

from support import apps
from support.client import RawTls, connect_tls, context, receive_exactly
from support.process import IS_SANITIZED
from support.records import KEY_UPDATE_WITH_ANSWER, Writer
from support.shortage import Shortage
from support.waiting import wait_until

pytestmark = pytest.mark.skipif(
    IS_SANITIZED, reason="the sanitizer brings allocations of its own, which the shim cannot refuse")


def test_an_answer_to_a_client_that_is_given_up_harms_no_other(run, tmp_path):
    shortage = Shortage(tmp_path)
    with apps.App(apps.echo) as app, run(app.port, environment=shortage.environment, expected_errors=("given up",)) as sidelock:
        with connect_tls(sidelock.port) as other:
            hostile = []
            for number in range(6):
                tls = context()
                tls.keylog_filename = str(tmp_path / f"keys-{number}")
                hostile.append((RawTls(sidelock.port, tls=tls), Writer(tls.keylog_filename)))
            shortage.begin(smallest=1024)
            for client, writer in hostile:
                # The question for new keys is answered; the part of a record behind it needs memory to be kept in.
                client.send_raw(writer.key_update(KEY_UPDATE_WITH_ANSWER) + b"\x17\x03\x03\x40\x00" + bytes(9000))
                other.sendall(b"alive?")
                assert receive_exactly(other, 6) == b"alive?"
            shortage.end()
            for client, _ in hostile:
                client.close()
        sidelock.wait_for_message("given up")


def test_in_the_middle_of_a_transfer_both_peers_see_a_reset_and_others_are_served(run, tmp_path):
    shortage = Shortage(tmp_path)
    may_read = threading.Event()

    def read_late(connection, seen):
        assert may_read.wait(60)
        apps.receive_all(connection, seen)

    with apps.App(read_late) as app, run(app.port, environment=shortage.environment, expected_errors=("given up",)) as sidelock:
        with connect_tls(sidelock.port) as client:
            client.sendall(b"before")
            seen = app.connection()
            shortage.begin(smallest=1024)
            client.settimeout(10)
            # What the app does not take must be kept, and that needs memory.
            with pytest.raises((ConnectionError, ssl.SSLEOFError)):
                for _ in range(1000):
                    client.sendall(bytes(65536))
            may_read.set()
            assert seen.wait().end == "reset"
        shortage.end()
        with connect_tls(sidelock.port) as client:
            client.sendall(b"after")
            wait_until(lambda: len(app.seen) == 2, "the second connection")
        sidelock.wait_for_message("given up")
