"""What the built program says and returns before any connection: help, version, usage errors, the log's first lines."""

import json
import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def sidelock():
    binary = os.environ.get("SIDELOCK_BINARY")
    if not binary:
        pytest.skip("SIDELOCK_BINARY names no built program; scripts/test sets it")

    def call(*arguments, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SIDELOCK_")}
        return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=30, env=clean | environment)

    return call


def test_help_and_version_go_to_standard_output(sidelock):
    for arguments in (["help"], ["--help"], ["-h"], ["init", "--help"], ["version"], ["--version"]):
        shown = sidelock(*arguments)
        assert (shown.returncode, shown.stderr) == (0, ""), arguments
        assert shown.stdout.startswith("sidelock "), arguments


def test_version_tells_openssl_and_the_features(sidelock):
    lines = sidelock("version").stdout.splitlines()
    assert lines[1].startswith("OpenSSL 3.")
    assert lines[2] in ("X25519MLKEM768: yes", "X25519MLKEM768: no")


def test_a_usage_error_is_one_line_and_a_hint_on_standard_error(sidelock):
    for arguments in ([], ["start"], ["run"], ["run", "--ports", "0"], ["init", "--port", "80"]):
        shown = sidelock(*arguments)
        assert (shown.returncode, shown.stdout) == (2, ""), arguments
        lines = shown.stderr.splitlines()
        assert lines[0].startswith("sidelock: "), arguments
        assert lines[1:] == ["`sidelock --help` lists the commands and the settings."], arguments


def test_a_usage_error_that_nobody_can_read_is_one_still(sidelock):
    binary = os.environ["SIDELOCK_BINARY"]
    for closed in ("2>/dev/full", "2>&-"):
        assert subprocess.run(["sh", "-c", f'"$0" run --listen x {closed}', binary], timeout=30).returncode == 2, closed


def test_the_environment_counts(sidelock):
    shown = sidelock("run", "--ports", "80", SIDELOCK_IDLE_TIMEOUT="soon")
    assert shown.returncode == 2
    assert 'SIDELOCK_IDLE_TIMEOUT: "soon" is not a duration' in shown.stderr


def test_a_config_file_that_cannot_be_read_is_named(sidelock):
    shown = sidelock("run", "--config", "/nowhere/sidelock.conf")
    assert shown.returncode == 2
    assert 'cannot read "/nowhere/sidelock.conf": No such file or directory' in shown.stderr


def test_init_without_capture_logs_its_settings_and_has_nothing_to_do(sidelock):
    shown = sidelock("init", "--capture", "none", "--listen", "8443=8080", SIDELOCK_SERVICE_HOST="10.0.0.1")
    assert shown.returncode == 0, shown.stderr
    entries = [json.loads(line) for line in shown.stdout.splitlines()]
    assert entries[0] | {"time": ""} == {
        "time": "",
        "level": "warning",
        "message": "SIDELOCK_SERVICE_HOST is not a setting and is ignored",
    }
    messages = [entry["message"] for entry in entries]
    chosen = next(message for message in messages if message.startswith("settings: "))
    assert "listen = 8443=8080 (flag)" in chosen
    assert "idle-timeout" not in chosen
    assert "there are no rules to install" in messages[-1]


def test_the_plan_of_a_dry_run_is_alone_on_standard_output(sidelock):
    shown = sidelock("init", "--ports", "80", "--backend", "iptables", "--dry-run", SIDELOCK_SERVICE_HOST="10.0.0.1")
    assert shown.returncode == 0, shown.stderr
    assert all(line[:1] in ("#", "*", ":", "-") or line == "COMMIT" for line in shown.stdout.splitlines())
    assert "SIDELOCK_SERVICE_HOST" in shown.stderr
