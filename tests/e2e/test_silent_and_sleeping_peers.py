"""--tcp-user-timeout ends connections to peers that have vanished, and never those of a peer that only does not read."""

import time

import pytest

from support import apps
from support.client import RawTls
from support.namespaces import POD4
from support.waiting import wait_until


def test_a_reader_that_sleeps_for_longer_than_the_limit_gets_everything(run):
    data = apps.pattern(12 << 20)
    with apps.App(apps.source(data)) as app, run(app.port, "--tcp-user-timeout", "300ms") as sidelock:
        client = RawTls(sidelock.port)
        head = client.receive()
        time.sleep(3)  # ten times the limit: what is tested is that nothing happens in it
        assert head + client.receive_exactly(len(data) - len(head)) == data
        assert client.wait_for_end() == "close_notify"
        client.close()


@pytest.mark.netns
def test_a_client_that_vanishes_with_bytes_under_way_is_let_go(lab, run):
    def pour(connection, seen):
        while True:
            connection.sendall(bytes(100_000))

    with apps.App(pour, namespace=lab.pod.name) as app, \
            run(app.port, "--tcp-user-timeout", "1s", port=8443, listen_address="0.0.0.0", prefix=lab.pod.prefix) as sidelock:
        client = RawTls(8443, POD4, namespace=lab.client.name)
        client.receive_exactly(100_000)
        lab.client.run("ip", "link", "set", "eth0", "down")
        sidelock.wait_for_outcome("client_reset")
        wait_until(lambda: app.connection().is_done.is_set(), "the app to be told")
        client.close()
