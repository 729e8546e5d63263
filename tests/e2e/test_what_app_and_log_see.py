"""The table in docs/capture.md, cell by cell: whom the app and the access log see, for every kind of client."""

import re

import pytest

from support import apps, node_lab
from support.captured import cleanup, init_and_run
from support.client import connect, connect_tls, receive_exactly
from support.process import ROOT

pytestmark = pytest.mark.netns
KINDS = ("outside", "node", "masqueraded", "hairpin", "pod-local")


def documented():
    """{(client, mode): [speaks, app sees, app sees with --preserve-source, log says]} of the table."""
    rows = re.findall(r"^\| (\S+) \| (redirect|tproxy) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$",
                      (ROOT / "docs/capture.md").read_text(), re.MULTILINE)
    return {(client, mode): [cell.strip() for cell in cells] for client, mode, *cells in rows}


@pytest.fixture(scope="module")
def lab():
    with node_lab.NodeLab() as made:
        yield made


def words_for(address, family):
    """The words of the table for an address."""
    address = address.removeprefix("::ffff:")
    return {node_lab.CLIENT[family]: "the client", node_lab.NODE[family]: "the node", node_lab.POD[family]: "the pod itself",
            "127.0.0.1": "loopback", "::1": "loopback"}[address]


def dial(lab, kind, family, dialler):
    """A connection of that kind, made by `dialler(port, address, namespace=...)`."""
    where, address, port = {
        "outside": (lab.client, node_lab.POD, 80),
        "node": (lab.node, node_lab.POD, 80),
        "masqueraded": (lab.client, node_lab.NODE_OUTSIDE, node_lab.NODE_PORT),
        "hairpin": (lab.pod, node_lab.SERVICE, 80),
        "pod-local": (lab.pod, node_lab.POD, 80),
    }[kind]
    return dialler(port, address[family], namespace=where.name)


def observed(lab, family, app, sidelock):
    """{kind: (speaks, app sees, log says)}"""
    found = {}
    for kind in KINDS:
        lines, connections = len(sidelock.access()), len(app.seen)
        speaks = "plain text" if kind == "pod-local" else "TLS"
        with dial(lab, kind, family, connect if speaks == "plain text" else connect_tls) as client:
            client.sendall(b"ping")
            assert receive_exactly(client, 4) == b"ping"
            if speaks == "TLS":
                client.unwrap()
        seen = app.connection(connections).wait()
        assert seen.head == b"ping"
        log = "nothing"
        if speaks == "TLS":
            log = words_for(sidelock.wait_for_access(lines + 1)[-1]["client.address"], family)
        assert len(sidelock.access()) == lines + (speaks == "TLS")
        found[kind] = (speaks, words_for(seen.peer[0], family), log)
    return found


def with_settings(lab, folder, tls_folder, family, *settings):
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name) as app:
        try:
            with init_and_run(lab.pod, tls_folder, folder / "run.log", "--ports", "80", *settings) as sidelock:
                return observed(lab, family, app, sidelock.wait_until_ready())
        finally:
            assert cleanup(lab.pod).returncode == 0


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("mode", ["redirect", "tproxy"])
def test_each_kind_of_client_is_seen_as_the_table_says(lab, backend, tls_folder, tmp_path, mode, family):
    settings = ("--capture", mode, "--backend", backend)
    plain = with_settings(lab, tmp_path, tls_folder, family, *settings)
    preserved = with_settings(lab, tmp_path, tls_folder, family, *settings, "--preserve-source", "require")
    table = documented()
    for kind in KINDS:
        speaks, app_sees, log = plain[kind]
        assert preserved[kind] == (speaks, preserved[kind][1], log)
        assert table[kind, mode] == [speaks, app_sees, preserved[kind][1], log], kind


def test_the_table_has_every_cell():
    assert documented().keys() == {(kind, mode) for kind in KINDS for mode in ("redirect", "tproxy")}
