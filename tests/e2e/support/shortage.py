"""A program under test that can be made to run short of memory: see tests/support/memory_shim.cc."""

import mmap
import pathlib
import struct

from .process import binary, clean_environment

EVERY = 1 << 62


class Shortage:
    """Refuses the program that is started in .environment memory, from begin() to end()."""

    def __init__(self, folder, more_shims=()):
        path = pathlib.Path(folder) / "shortage"
        path.write_bytes(bytes(32))
        with open(path, "r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 32)
        shims = [pathlib.Path(binary()).parent / "tests" / f"lib{name}_shim.so" for name in ("memory", *more_shims)]
        self.environment = clean_environment(LD_PRELOAD=":".join(map(str, shims)), SHIM_MEMORY=str(path))

    def begin(self, smallest=1, given=0, refused=EVERY):
        """From now on, of the blocks of at least `smallest` bytes, the first `given` ones are had and `refused` more are not."""
        self.end()
        struct.pack_into("=qq", self._shared, 0, smallest, given)
        struct.pack_into("=qq", self._shared, 16, refused, 0)

    def end(self):
        """Memory is had again; returns how many blocks were refused since begin()."""
        struct.pack_into("=q", self._shared, 16, 0)
        return self.count

    @property
    def count(self):
        return struct.unpack_from("=q", self._shared, 24)[0]
