"""Idle processor time is zero, memory is given back, and a log that nobody reads stops nobody."""

import contextlib
import fcntl
import os
import time

import pytest

from support import apps
from support.client import RawTls, connect, connect_tls, receive_exactly, wait_for_end
from support.process import IS_SANITIZED, clean_environment
from support.waiting import wait_until


@pytest.mark.alone
def test_idle_stalled_and_half_closed_connections_cost_no_processor_time(run):
    with apps.App(apps.sink) as app, run(app.port, "--close-timeout", "1h") as sidelock:
        idle = [RawTls(sidelock.port) for _ in range(20)]
        stalled = [connect(sidelock.port) for _ in range(20)]
        half_closed = [RawTls(sidelock.port) for _ in range(20)]
        for client in half_closed:
            client.send(b"x")
            client.close_notify()
        for client in half_closed:
            assert client.wait_for_end() == "close_notify"
        half_open = [RawTls(sidelock.port) for _ in range(5)]
        wait_until(lambda: len(app.seen) == 45, "all connections")

        def ticks_of_an_interval():
            before = sidelock.cpu_ticks()
            time.sleep(2)  # the interval over which processor time is counted
            return sidelock.cpu_ticks() - before

        # The last of what came before may fall into the first one.
        assert any(ticks_of_an_interval() <= 2 for _ in range(3))
        for client in idle + stalled + half_closed + half_open:
            client.close()


@pytest.mark.alone
@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer's allocator keeps memory on purpose")
def test_memory_is_given_back_after_many_connections(run, echo_app):
    with run(echo_app.port) as sidelock:
        with connect_tls(sidelock.port) as warm_up:
            warm_up.sendall(b"x")
            receive_exactly(warm_up, 1)
            warm_up.unwrap()
        before = sidelock.resident_bytes()
        clients = [connect_tls(sidelock.port) for _ in range(1500)]
        peak = sidelock.resident_bytes()
        for client in clients:
            client.close()
        sidelock.wait_for_access(1501)
        wait_until(lambda: sidelock.resident_bytes() - before < 10 << 20,
                   f"memory to come back from {peak >> 20} MiB to near {before >> 20} MiB")


def test_a_log_that_nobody_reads_stops_no_connection(run, echo_app, tmp_path):
    reader, writer = os.pipe()
    try:
        # The writer is left behind in its write(), with a line in hand; LeakSanitizer would take that line for lost.
        environment = clean_environment(ASAN_OPTIONS="detect_leaks=0")
        sidelock = run(echo_app.port, stdout=writer, is_ready=False, environment=environment)
        with sidelock:
            sidelock.is_leak_checked = False
            wait_until(lambda: can_connect(sidelock.port), "sidelock to listen")
            # The pipe holds 64 KiB; each of these adds a line to it.
            for _ in range(600):
                with connect_tls(sidelock.port) as client:
                    client.sendall(b"x")
                    assert receive_exactly(client, 1) == b"x"
                    client.unwrap()
    finally:
        os.close(writer)
        os.close(reader)


def test_a_standard_output_that_does_not_block_loses_no_line(run, echo_app):
    count = 60  # the pipe holds eight lines
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    text = bytearray()

    def has_all():
        with contextlib.suppress(BlockingIOError):
            text.extend(os.read(reader, 1 << 16))
        return text.count(b'"outcome":"ok"') == count

    try:
        sidelock = run(echo_app.port, stdout=writer, is_ready=False)
        with sidelock:
            sidelock.is_leak_checked = False
            wait_until(lambda: can_connect(sidelock.port), "sidelock to listen")
            for _ in range(count):
                with connect_tls(sidelock.port) as client:
                    client.unwrap()
            wait_until(has_all, "all the lines")
    finally:
        os.close(writer)
        os.close(reader)


def can_connect(port):
    try:
        connect(port).close()
        return True
    except ConnectionRefusedError:
        return False


def test_a_reset_burst_leaves_nothing_behind(run, echo_app):
    with run(echo_app.port) as sidelock:
        for _ in range(50):
            client = RawTls(sidelock.port)
            client.send(b"x" * 1000)
            client.reset()
        sidelock.wait_for_access(50)
        plain = connect(sidelock.port)
        plain.sendall(b"bad")
        assert wait_for_end(plain) == "reset"
        plain.close()
