"""docs/alerts.yaml: the rules fire when they should, and use metrics that exist."""

import re
import subprocess

from support.metrics import scrape
from support.process import ROOT

RULES = ROOT / "docs" / "alerts.yaml"


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_rules_are_well_formed():
    promtool("check", "rules", str(RULES))


def test_each_rule_fires_when_it_should_and_not_else():
    promtool("test", "rules", str(ROOT / "tests" / "alerts.test.yaml"))
    tested = set(re.findall(r"alertname: (\w+)", (ROOT / "tests" / "alerts.test.yaml").read_text()))
    assert tested == set(re.findall(r"alert: (\w+)", RULES.read_text()))


def test_the_rules_know_only_metrics_and_reasons_that_exist(run, echo_app):
    with run(echo_app.port, has_admin=True) as sidelock:
        metrics = scrape(sidelock.admin_port)
    text = RULES.read_text()
    names = {name for name, _, _ in metrics.samples} | {"sidelock_capture_verified"}  # there only with capture
    assert set(re.findall(r"\bsidelock_[a-z_]+", text)) <= names
    reasons = {labels["reason"] for labels in metrics.labels("sidelock_connections_closed_total")}
    for listed in re.findall(r'reason=~?"([a-z_|]+)"', text):
        assert set(listed.split("|")) <= reasons
