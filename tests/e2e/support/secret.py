"""A folder as the kubelet mounts a Secret."""

import os
import pathlib
import shutil


class Secret:
    """tls.crt -> ..data/tls.crt and so on, ..data -> a folder of the present version, which is replaced as a whole."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.version = 0
        self.folder.mkdir()

    def publish(self, **files):
        """publish(tls_crt=PATH, ca_crt=PATH): an underscore is the dot of the name."""
        self.version += 1
        fresh = self.folder / f"..version_{self.version}"
        fresh.mkdir()
        for name, source in files.items():
            name = name.replace("_", ".")
            shutil.copy(source, fresh / name)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        (self.folder / "..data_tmp").symlink_to(fresh.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        for old in self.folder.glob("..version_*"):
            if old != fresh:
                shutil.rmtree(old)

    def publish_pair(self, certificate, key):
        self.publish(tls_crt=certificate, tls_key=key)
