"""How many instructions a request and a connection cost in user space, and that no byte relayed costs an allocation.

callgrind counts the same on every machine as long as OpenSSL finds the same processor features (AES, AVX2, which every
server since 2013 has); the bounds leave 5 % for those, for compilers and for other versions of OpenSSL 3.0.
"""

import pytest

from counting import profile
from support import apps
from work import MIB, connections, download, requests, upload

# So many may differ between two runs of the same: packets fall together in the handshake, or do not.
CHANCE = 4

# The C library's doors, whoever knocks: our code, OpenSSL's, or the pool when it has no block of that size.
ALLOCATORS = ("malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign")


def allocations(few, many):
    return sum(many.calls[name] - few.calls[name] for name in ALLOCATORS)


def test_a_request_costs_few_instructions_and_no_allocation(run, echo_app, tmp_path):
    few, many = (profile(run, echo_app.port, tmp_path / "profile", requests(count)) for count in (20, 220))
    assert many.calls["malloc"] > 100, "the profile names no malloc: the test would see nothing"
    assert allocations(few, many) <= CHANCE
    assert (many.instructions - few.instructions) / 200 < 13_100


def test_a_connection_costs_few_instructions_and_allocations(run, echo_app, tmp_path):
    few, many = (profile(run, echo_app.port, tmp_path / "profile", connections(count)) for count in (4, 16))
    # Some 700 blocks of OpenSSL's and of the coroutines come from the pool: what is left is our own bookkeeping.
    assert allocations(few, many) / 12 < 8
    assert (many.instructions - few.instructions) / 12 < 2_520_000


@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_byte_relayed_costs_no_allocation(run, tmp_path, direction):
    profiles = []
    for mebibytes in (1, 5):
        handler = apps.source(bytes(mebibytes * MIB)) if direction == "down" else apps.sink
        work = download(mebibytes) if direction == "down" else upload(mebibytes)
        with apps.App(handler) as app:
            profiles.append(profile(run, app.port, tmp_path / "profile", work))
    assert allocations(*profiles) <= CHANCE, "for 4 MiB more"
