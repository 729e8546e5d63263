"""The Containerfile installs what the build needs, so that a new dependency does not break the image alone."""

import re


def test_the_image_is_built_with_the_packages_of_the_build(root):
    listed = re.search(r"^    build\) echo ((?:.|\\\n)*?) ;;$", (root / "scripts" / "deps").read_text(), re.MULTILINE)[1]
    wanted = set(listed.replace("\\\n", " ").split()) - {"libgtest-dev", "libgmock-dev"}
    assert "g++" in wanted
    assert wanted <= set((root / "Containerfile").read_text().split())


def test_the_image_is_built_from_everything_that_the_build_file_names(root):
    kept = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in re.findall(r"install_man\('(.*?)'\)", (root / "meson.build").read_text()):
        assert name in kept
    # Tests and benchmarks are switched off in the image.
    for name in re.findall(r"^subdir\('(.*?)'\)", (root / "meson.build").read_text(), re.MULTILINE):
        assert name.split("/")[0] in kept
