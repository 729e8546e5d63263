"""docs/sidelock.1 has what --help says, and is clean to those who read manual pages."""

import os
import subprocess

import pytest


def test_the_manual_page_is_what_help_says(root):
    if not os.environ.get("SIDELOCK_BINARY"):
        pytest.skip("SIDELOCK_BINARY names no built program; scripts/test sets it")
    shown = subprocess.run([root / "scripts/manpage", "--check"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


def test_the_manual_page_has_every_setting_and_command(root, help_text):
    page = (root / "docs/sidelock.1").read_text().replace(r"\-", "-")
    for line in help_text.splitlines():
        words = line.split()
        if line.startswith("  --"):
            assert f"\\fB{words[0]}\\fR" in page
        elif line.startswith("  ") and line[2:3].islower():
            assert f".B {words[0]}\n" in page


def test_the_manual_page_has_no_fault(root):
    shown = subprocess.run(["mandoc", "-T", "lint", root / "docs/sidelock.1"], capture_output=True, text=True)
    assert (shown.returncode, shown.stdout) == (0, ""), shown.stdout
