import ctypes
import multiprocessing
import resource
from pathlib import Path

import pytest
import torch

from models.allocator import freed_memory_kept

LARGE = 2**27


def fetched_and_held(library: ctypes.CDLL) -> tuple[int, int]:
    """Tell how many pages an array fetches, and how many of its bytes stay with the process when it is freed."""
    pages, held = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, resident_bytes()
    array = ctypes.c_void_p(library.malloc(LARGE))
    library.memset(array, 1, ctypes.c_size_t(LARGE))
    library.free(array)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages, resident_bytes() - held


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def arrays_inside_and_after() -> list[tuple[int, int]]:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    before = resident_bytes()
    with freed_memory_kept(torch.device("cpu")):
        inside = [fetched_and_held(library) for _ in range(2)]
    given_back = (0, resident_bytes() - before)
    return [*inside, given_back, fetched_and_held(library)]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_a_large_array_is_given_the_pages_of_the_one_that_was_freed_and_none_stay_in_the_end() -> None:
    # a process of its own: among what the other tests left in memory, glibc may find no room to grow
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        first, second, given_back, after = pool.apply(arrays_inside_and_after)
    little = LARGE / 100
    assert first[1] > LARGE - little
    assert second[0] < little / resource.getpagesize()
    assert given_back[1] < little
    assert after[1] < little
