import ctypes
import multiprocessing
import resource

import pytest

from models.allocator import keep_freed_memory

LARGE = 2**27


def pages_of_a_second_array() -> int:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    keep_freed_memory()
    fetched = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        array = ctypes.c_void_p(library.malloc(LARGE))
        library.memset(array, 1, ctypes.c_size_t(LARGE))
        library.free(array)
        fetched.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return fetched[1]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_a_large_array_is_given_the_pages_of_the_one_that_was_freed() -> None:
    # a process of its own: among what the other tests left in memory, glibc may find no room to grow
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(pages_of_a_second_array) < LARGE / resource.getpagesize() / 100
