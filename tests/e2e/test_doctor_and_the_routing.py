"""doctor sees what is missing of the routing for --preserve-source, and names the command that mends it."""

import pytest

from support import apps
from support.captured import init, run_captured
from support.doctor import doctor

pytestmark = pytest.mark.netns


@pytest.fixture
def preserving(lab, tls_folder, tmp_path):
    """A pod in which all is well with --preserve-source; the settings of doctor."""
    settings = ("--ports", "80", "--preserve-source", "require")
    assert init(lab.pod, *settings).returncode == 0
    with apps.App(apps.echo, address="::", port=80, namespace=lab.pod.name):
        with run_captured(lab.pod, tls_folder, tmp_path / "run.log", *settings) as sidelock:
            sidelock.wait_until_ready()
            yield (*settings, "--tls-dir", str(tls_folder))


def test_it_is_there_and_nobody_needs_rights_to_see_it(lab, preserving):
    found = doctor(lab.pod, *preserving)
    assert found.wrong() == set(), found.report
    found.expect("routing", "ok", "table 19132")
    doctor(lab.pod, *preserving, prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all")).expect("routing", "ok")


@pytest.mark.parametrize("ip", ["ip", "ip -6"])
@pytest.mark.parametrize("damage, missing, remedy", [
    ("rule del pref 101", "there is no rule `101: from", "rule add pref 101 from"),
    ("route flush table 19132", "there is no route `local default dev lo table 19132", "route replace local default dev lo table 19132"),
])
def test_what_is_gone_is_named_with_the_command_that_mends_it(lab, preserving, ip, damage, missing, remedy):
    lab.pod.run(*ip.split(), *damage.split())
    found = doctor(lab.pod, *preserving)
    assert found.wrong() == {"routing"}, found.report
    found.expect("routing", "failed", missing, remedy, code=5)
    command = found.checks["routing"]["remedy"].split("`")[-2]
    assert command.startswith(ip + " r")
    lab.pod.run(*command.split())
    assert doctor(lab.pod, *preserving).wrong() == set()


def test_a_table_that_others_use_is_named(lab, preserving):
    lab.pod.run("ip", "route", "add", "10.9.0.0/16", "dev", "eth0", "table", "19132")
    doctor(lab.pod, *preserving).expect("routing", "failed", "10.9.0.0/16 dev eth0 table 19132", "--route-table", code=2)


def test_without_the_setting_there_is_no_such_check(lab, tls_folder):
    assert "routing" not in doctor(lab.pod, "--ports", "80", "--tls-dir", str(tls_folder)).checks
