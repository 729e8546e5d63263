"""A headless Chromium that looks at one page."""

import subprocess

from .waiting import DEADLINE

# Those behind --disable-gpu keep it from asking the world for anything.
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars")


def chromium(folder, url, *flags, deadline=4 * DEADLINE):
    """What it prints. `folder` becomes its profile and must not exist yet."""
    finished = subprocess.run(["chromium", *FLAGS, f"--user-data-dir={folder}", *flags, url], capture_output=True, text=True,
                              timeout=deadline)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
