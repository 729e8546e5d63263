"""What every file keeps to: its size, its first line, no words that promise work, no addresses of one machine."""

import re
import subprocess

import pytest

LARGEST = 500
PLACEHOLDERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "T" + "BD", "lorem" + " ipsum"]) + r")\b", re.IGNORECASE)
TEXTS = {".cc", ".h", ".py", ".md", ".build", ".txt", ".sh", ""}


def tracked(root):
    """Every text file of the project, whether or not it is committed yet."""
    command = ["git", "-C", root, "-c", f"safe.directory={root}", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    paths = [root / name for name in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and path.suffix in TEXTS]


def test_no_source_file_exceeds_five_hundred_lines(root):
    paths = [path for folder in ("src", "netsetup") for path in (root / folder).rglob("*") if path.suffix in (".h", ".cc")]
    sizes = {path.relative_to(root).as_posix(): len(path.read_text().splitlines()) for path in paths}
    assert {path: size for path, size in sizes.items() if size > LARGEST} == {}


def test_every_source_file_begins_by_saying_what_it_is(root):
    paths = [path for folder in ("src", "netsetup", "tests") for path in (root / folder).rglob("*") if path.suffix in (".h", ".cc")]
    silent = [path.relative_to(root).as_posix() for path in paths if not path.read_text().startswith("// ")]
    assert silent == []


def test_every_header_is_guarded(root):
    paths = [path for folder in ("src", "netsetup", "tests") for path in (root / folder).rglob("*.h")]
    assert [path.name for path in paths if "#pragma once" not in path.read_text()] == []


def test_nothing_is_left_for_later(root):
    wrong = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in tracked(root)
        if path.name != "LICENSE"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if PLACEHOLDERS.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_script_runs_and_explains_itself(root):
    for path in sorted((root / "scripts").iterdir()):
        if path.suffix:
            continue
        assert path.stat().st_mode & 0o111, f"{path.name} is not executable"
        shown = subprocess.run([path, "--help"], capture_output=True, text=True, timeout=10)
        assert shown.returncode == 0 and f"scripts/{path.name}" in shown.stdout, path.name


def test_the_licence_is_gpl_3(root):
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 3" in (root / "LICENSE").read_text()
