"""docs/operations.md explains every outcome of the fixed list, and no other."""

import re


def test_every_outcome_is_explained(root):
    listed = re.search(r"kOutcomeNames\{(.*?)\};", (root / "src/proxy/outcome.h").read_text(), re.DOTALL).group(1)
    section = (root / "docs/operations.md").read_text().split("## The access log\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)
    assert explained == re.findall(r'"([a-z_]+)"', listed)
    rows = re.findall(r"^\| `[a-z_]+` \| (.*) \| (.*) \|$", section, re.MULTILINE)
    assert len(rows) == len(explained) and all(meaning.strip() and advice.strip() for meaning, advice in rows)


def test_every_check_of_doctor_is_explained(root):
    code = "".join(path.read_text() for path in (root / "src/doctor").glob("checks_*.cc"))
    made = set(re.findall(r'\b(?:ok|warning|failed|skipped)\("([a-z-]+)"', code))
    section = (root / "docs/operations.md").read_text().split(": doctor\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    assert len(made) > 10 and set(explained) == made
