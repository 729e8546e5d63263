"""scripts/tally.py adds up what the test programs report, and takes a crash for a failure."""

import json
import subprocess

import pytest


@pytest.fixture
def tally(root, tmp_path):
    def add_up():
        shown = subprocess.run([root / "scripts/tally.py", tmp_path], capture_output=True, text=True)
        return shown.stdout.splitlines(), shown.returncode

    return add_up


def googletest(*results):
    """A report with one test for each of "passed", "failed", "skipped", "disabled"."""
    cases = {
        "passed": {"status": "RUN", "result": "COMPLETED"},
        "failed": {"status": "RUN", "result": "COMPLETED", "failures": [{"failure": "no"}]},
        "skipped": {"status": "RUN", "result": "SKIPPED"},
        "disabled": {"status": "NOTRUN", "result": "SUPPRESSED"},
    }
    tests = [{"name": f"Test{number}"} | cases[result] for number, result in enumerate(results)]
    return json.dumps({"testsuites": [{"name": "Suite", "testsuite": tests}]})


def test_both_kinds_of_reports_are_summed_up(tally, tmp_path):
    (tmp_path / "unit.status").write_text("0\n")
    (tmp_path / "unit.json").write_text(googletest("passed", "passed", "skipped", "disabled"))
    (tmp_path / "e2e.status").write_text("0\n")
    (tmp_path / "e2e.xml").write_text(
        '<testsuites><testsuite><testcase classname="a" name="b"/><testcase classname="a" name="c"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    lines, code = tally()
    assert (lines[-1], code) == ("3 passed, 0 failed, 2 skipped", 0)


def test_failures_are_named(tally, tmp_path):
    (tmp_path / "unit.status").write_text("1\n")
    (tmp_path / "unit.json").write_text(googletest("passed", "failed"))
    (tmp_path / "e2e.status").write_text("1\n")
    (tmp_path / "e2e.xml").write_text('<testsuites><testsuite><testcase classname="a" name="b"><error/></testcase></testsuite></testsuites>')
    lines, code = tally()
    assert (lines[-1], code) == ("1 passed, 2 failed, 0 skipped", 1)
    assert "    failed: Suite.Test1" in lines and "    failed: a.b" in lines


def test_a_crash_counts_although_it_leaves_no_report(tally, tmp_path):
    (tmp_path / "unit.status").write_text("139\n")
    (tmp_path / "other.status").write_text("0\n")
    (tmp_path / "other.json").write_text(googletest("passed"))
    lines, code = tally()
    assert (lines[-1], code) == ("1 passed, 1 failed, 0 skipped", 1)
    assert "    failed: it ended with exit code 139" in lines


def test_a_report_cut_short_counts_as_a_failure(tally, tmp_path):
    (tmp_path / "unit.status").write_text("0\n")
    (tmp_path / "unit.json").write_text(googletest("passed")[:-5])
    assert tally()[1] == 1


def test_nothing_at_all_is_no_success(tally, tmp_path):
    assert tally() == (["0 passed, 0 failed, 0 skipped"], 1)
    (tmp_path / "unit.status").write_text("0\n")
    assert tally()[1] == 1
