"""A folder that is laid out and swapped as a kubelet does it with the volume of a Secret."""

import os
import shutil


class SecretVolume:
    """Has `..data` and symlinks through it; update() swaps them all at once."""

    def __init__(self, folder):
        self.folder = folder
        self._versions = 0

    def update(self, files):
        self._versions += 1
        version = self.folder / f"..2026_{self._versions}"
        version.mkdir()
        for file in files:
            shutil.copy(file, version / file.name)
            (version / file.name).chmod(0o644)
        (self.folder / "..data_tmp").symlink_to(version.name)
        os.replace(self.folder / "..data_tmp", self.folder / "..data")
        for file in files:
            if not (self.folder / file.name).is_symlink():
                (self.folder / file.name).symlink_to(f"..data/{file.name}")
        for old in self.folder.glob("..2026_*"):
            if old != version:
                shutil.rmtree(old)
