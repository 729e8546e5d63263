"""docs/operations.md explains every outcome of the fixed list, and no other."""

import re


def test_every_outcome_is_explained(root):
    listed = re.search(r"kOutcomeNames\{(.*?)\};", (root / "src/proxy/outcome.h").read_text(), re.DOTALL).group(1)
    explained = re.findall(r"^\| `([a-z_]+)` \|", (root / "docs/operations.md").read_text(), re.MULTILINE)
    assert explained == re.findall(r'"([a-z_]+)"', listed)
