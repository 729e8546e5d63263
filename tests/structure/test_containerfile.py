"""The Containerfile installs what the build needs, so that a new dependency does not break the image alone."""

import re


def test_the_image_is_built_with_the_packages_of_the_build(root):
    listed = re.search(r"^    build\) echo ((?:.|\\\n)*?) ;;$", (root / "scripts" / "deps").read_text(), re.MULTILINE)[1]
    wanted = set(listed.replace("\\\n", " ").split()) - {"libgtest-dev", "libgmock-dev"}
    assert "g++" in wanted
    assert wanted <= set((root / "Containerfile").read_text().split())
