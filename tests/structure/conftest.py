"""Where the sources are, read once."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def help_text():
    """What the built program prints for --help."""
    binary = os.environ.get("SIDELOCK_BINARY")
    if not binary:
        pytest.skip("SIDELOCK_BINARY names no built program; scripts/test sets it")
    return subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
