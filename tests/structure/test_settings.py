"""docs/settings.md, --help and the README say the same."""

import re


def settings_of_help(text):
    """{name: default} of --help: an entry runs from its `  --name` to the default in brackets that ends it."""
    found = {}
    for entry in re.split(r"\n(?=  --)", text)[1:]:
        name = re.match(r"  --([a-z-]+) ", entry).group(1)
        default = re.search(r"\[(\S*)\]\s*$", entry.split("\n\n")[0]).group(1)
        found[name] = default
    return found


def settings_of_docs(text):
    """{name: default} of the tables' rows `| `--name` | default | meaning |`."""
    rows = re.findall(r"^\| `--([a-z-]+)` \| ([^|]*) \| (.+) \|$", text, re.MULTILINE)
    return {name: default.strip().strip("`") for name, default, _ in rows}


def test_the_documentation_lists_the_settings_of_help_with_the_same_defaults(root, help_text):
    in_help = settings_of_help(help_text)
    assert len(in_help) > 30
    assert settings_of_docs((root / "docs/settings.md").read_text()) == in_help


def test_the_documentation_says_which_settings_a_port_can_have(root, help_text):
    entries = {re.match(r"  --([a-z-]+) ", entry).group(1): entry for entry in re.split(r"\n(?=  --)", help_text)[1:]}
    per_port = {name for name, entry in entries.items() if "Also per port." in re.sub(r"\s+", " ", entry)}
    rows = re.findall(r"^\| `--([a-z-]+)` \|.*\| .*Also per port\. \|$", (root / "docs/settings.md").read_text(), re.MULTILINE)
    assert len(per_port) >= 3
    assert set(rows) == per_port


def test_the_settings_named_in_the_texts_exist(root, help_text):
    known = settings_of_help(help_text).keys() | {"help", "version"}
    for name in ("README.md", "CHANGELOG.md", "docs/settings.md"):
        text = (root / name).read_text()
        # Flags of other programs stand behind those programs' names in code blocks.
        ours = set(re.findall(r"`--([a-z][a-z-]*[a-z])(?![a-z*-])", text)) | set(re.findall(r"sidelock (?:init|run) --([a-z][a-z-]+)", text))
        assert ours - known == set(), name


def test_the_exit_codes_agree(root, help_text):
    readme = (root / "README.md").read_text()
    header = (root / "src/base/error.h").read_text()
    codes = {int(code) for code in re.findall(r"^  k\w+ = (\d+),", header, re.MULTILINE)}
    assert codes == {int(code) for code in re.findall(r"^\| (\d) \|", readme, re.MULTILINE)}
    assert codes == {int(code) for code in re.findall(r"\b(\d) [a-z]", help_text.split("Exit codes\n")[1])}


def test_help_fits_eighty_columns(help_text):
    assert max(map(len, help_text.splitlines())) <= 80


def test_the_readme_begins_with_the_two_commands(root):
    lines = [line for line in (root / "README.md").read_text().splitlines() if line.startswith("sudo ")]
    assert lines[:2] == ["sudo scripts/demo", "sudo scripts/test"]


def test_links_between_documents_lead_somewhere(root):
    for document in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
