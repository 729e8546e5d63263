"""cleanup does not open the app to plain text behind the back of a run that serves, unless it is told to."""

import pytest

from support import apps
from support.captured import POD4, init, run_captured, saved_rules
from support.client import connect, receive_exactly
from support.process import run_command

pytestmark = pytest.mark.netns


def cleanup(pod, *settings):
    return run_command(["cleanup", *settings], prefix=pod.prefix)


def test_cleanup_asks_for_force_while_run_listens(lab, tls_folder, tmp_path):
    assert init(lab.pod, "--ports", "80").returncode == 0
    before = saved_rules(lab.pod)
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", "--ports", "80", "--capture-timeout", "1h") as sidelock:
            sidelock.wait_until_ready()
            done = cleanup(lab.pod)
            assert done.returncode == 2, done
            assert "listens on [::]:19100" in done.stdout and "--force" in done.stdout
            assert [line for line in saved_rules(lab.pod).splitlines() if line.startswith("-A")] == \
                [line for line in before.splitlines() if line.startswith("-A")]

            assert cleanup(lab.pod, "--force").returncode == 0
            assert "SIDELOCK" not in saved_rules(lab.pod)
            with connect(80, POD4, namespace=lab.client.name) as plain:
                plain.sendall(b"open")
                assert receive_exactly(plain, 4) == b"open"


def test_cleanup_needs_no_force_when_nobody_serves(lab):
    assert init(lab.pod, "--ports", "80").returncode == 0
    assert cleanup(lab.pod).returncode == 0
    assert "SIDELOCK" not in saved_rules(lab.pod)
