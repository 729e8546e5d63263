#!/usr/bin/env python3
"""Writes src/order.ld anew: which parts of OpenSSL's archives a start uses and which a connection, as callgrind sees it.
Called by scripts/order, whose --help explains it."""

import argparse
import bisect
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from driver.load import Load  # noqa: E402
from driver.systems import Programs, Systems, make_app  # noqa: E402

ORDER = pathlib.Path(__file__).resolve().parents[1] / "src" / "order.ld"
APP_PORT = 20999
BULK = ("bulk", "--connections", 1, "--request-size", 100000, "--answer-size", 100000, "--ciphersuites")
WORK = (
    ("connections", "--connections", 2, "--count", 4),
    ("connections", "--connections", 2, "--count", 4, "--resume"),
    ("connections", "--connections", 1, "--count", 1, "--groups", "P-256"),
    ("connections", "--connections", 1, "--count", 1, "--groups", "P-384"),
    *((*BULK, suite) for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")),
)


class LinkMap:
    """Where the linker has put which part of which archive."""

    def __init__(self, text):
        self._parts = []
        for found in re.finditer(r"^ \.text\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) \S*/lib(?:crypto|ssl)\.a\((\S*)\.o\)$", text,
                                 re.MULTILINE):
            self._parts.append((int(found[1], 16), int(found[2], 16), re.sub(r"^lib\w+-lib-", "", found[3])))
        self._parts.sort()

    def part_at(self, address):
        begin, size, name = self._parts[max(0, bisect.bisect_right(self._parts, (address, sys.maxsize)) - 1)]
        return name if begin <= address < begin + size else None


def executed(profile, program):
    """The addresses in `program` that a profile of callgrind (--dump-instr=yes) tells of."""
    names, current, address = {}, None, 0
    for line in profile.splitlines():
        if found := re.match(r"(c?ob)=(\(\d+\))(?: (.*))?", line):
            names.setdefault(found[2], found[3])
            if found[1] == "ob":
                current = names[found[2]]
        elif found := re.match(r"(0x|\+|-|\*)([0-9a-f]*) ", line):
            if found[1] == "0x":
                address = int(found[2], 16)
            elif found[1] != "*":
                address += int(found[1] + found[2])
            if current == str(program):
                yield address


def profile(programs, folder, kind, work):
    """What callgrind tells of one start with all of `work`."""
    program, out = programs.sidelock, folder / f"callgrind-{kind}-{len(work)}"
    wrapper = folder / "sidelock-under-callgrind"
    wrapper.write_text(f"#!/bin/sh\nexport SIDELOCK_DRAIN_DELAY=0s\nexec valgrind --quiet --tool=callgrind "
                       f'--dump-instr=yes --callgrind-out-file={out} {program} "$@"\n')
    wrapper.chmod(0o755)
    programs.sidelock = wrapper
    (folder / out.name).with_suffix(".systems").mkdir()
    with Systems(programs, (folder / out.name).with_suffix(".systems"), APP_PORT).make("sidelock", kind) as server:
        programs.sidelock = program
        server.wait_until_listening()
        for mode, *arguments in work:
            with Load(programs, server.target, mode, *arguments) as load:
                load.wait_until_ready()
                load.go()
    return out.read_text()


def used_parts(programs, folder, link_map, work):
    found = set()
    for kind in ("ecdsa", "rsa"):
        found |= set(map(link_map.part_at, executed(profile(programs, folder, kind, work), programs.sidelock)))
    return found - {None}


def as_patterns(parts):
    lines = " ".join(f"*.a:*-lib-{part}.o(.text)" for part in sorted(parts))
    return textwrap.indent(textwrap.fill(lines, 116, break_long_words=False, break_on_hyphens=False), "    ")


def write(at_start, while_serving):
    before, text = "", ORDER.read_text()
    for mark, parts in (("start", at_start), ("connections", while_serving - at_start)):
        begin, end = f"/* Of OpenSSL, {mark}: written by scripts/order. */\n", "    /* End. */"
        head, _, rest = text.partition(begin)
        _, found, text = rest.partition(end)
        if not found:
            raise RuntimeError(f"{ORDER} has not both of its marks for {mark}")
        before += head + begin + as_patterns(parts) + "\n" + end
    ORDER.write_text(before + text)


def main():
    parser = argparse.ArgumentParser(prog="scripts/order")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sidelock-order-") as folder:
        folder = pathlib.Path(folder)
        # Linked once more, beside a map, and without the order: valgrind knows a program's code by its section, .text alone.
        commands = subprocess.run(["ninja", "-C", given.build, "-t", "commands", "sidelock"], check=True, capture_output=True,
                                  text=True).stdout.splitlines()
        programs = Programs(given.build)
        programs.sidelock = folder / "sidelock"
        plain, ordered = re.subn(r"-Wl,-T,\S*/order\.ld ", "", commands[-1])
        plain, named = re.subn(r" -o sidelock ", f" -o {programs.sidelock} -Wl,-Map={folder / 'map'} ", plain)
        if ordered != 1 or named != 1:
            raise RuntimeError(f"this does not link the program by src/order.ld: {commands[-1]}")
        subprocess.run(plain, shell=True, check=True, cwd=given.build)
        link_map = LinkMap((folder / "map").read_text())
        with make_app(programs, folder, APP_PORT) as app:
            app.wait_until_listening()
            write(used_parts(programs, folder, link_map, ()), used_parts(programs, folder, link_map, WORK))


if __name__ == "__main__":
    main()
