"""--capture none under Pod Security `restricted`, as on GKE Autopilot: any user, no capability, no rule, nothing for init."""

import pytest

from support import apps
from support.captured import POD4, POD6, init, run_captured, saved_rules
from support.client import connect, connect_tls, receive_exactly, wait_for_end
from support.process import threads_capabilities

pytestmark = pytest.mark.netns
SETTINGS = ("--capture", "none", "--listen", "8443=8080")
RESTRICTED = ("setpriv", "--reuid=19100", "--regid=19100", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")


def test_init_says_that_it_is_not_needed_and_touches_nothing(lab):
    before = saved_rules(lab.pod)
    done = init(lab.pod, *SETTINGS, prefix=RESTRICTED)
    assert done.returncode == 0, done
    assert "init is not needed" in done.stdout
    assert saved_rules(lab.pod) == before


def test_init_prints_an_empty_plan(lab):
    done = init(lab.pod, *SETTINGS, "--dry-run", prefix=RESTRICTED)
    assert (done.returncode, done.stdout) == (0, "")


def test_run_serves_both_families_with_an_app_at_loopback(lab, readable_tls_folder, tmp_path):
    with apps.App(apps.echo, port=8080, namespace=lab.pod.name) as four, \
            apps.App(apps.echo, address="::1", port=8080, namespace=lab.pod.name) as six, \
            run_captured(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, prefix=RESTRICTED) as sidelock:
        sidelock.wait_until_ready()
        assert set(threads_capabilities(sidelock.pid)) == {0}
        for address in (POD4, POD6):
            with connect_tls(8443, address, namespace=lab.client.name) as client:
                client.sendall(b"ping")
                assert receive_exactly(client, 4) == b"ping"
                client.unwrap()
            with connect(8443, address, namespace=lab.client.name) as plain:
                plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert wait_for_end(plain) == "reset"
            with pytest.raises(ConnectionRefusedError):
                connect(8080, address, namespace=lab.client.name)
        assert len(four.seen) == len(six.seen) == 1


def test_settings_that_need_rules_are_refused(lab, readable_tls_folder, tmp_path):
    with run_captured(lab.pod, readable_tls_folder, tmp_path / "run.log", *SETTINGS, "--preserve-source", "prefer") as sidelock:
        assert sidelock.wait() == 2
        assert "--preserve-source" in sidelock.stderr()
