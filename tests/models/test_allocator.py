import ctypes
import resource

import pytest

from models.allocator import keep_freed_memory

LARGE = 2**27


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_a_large_array_is_given_the_pages_of_the_one_that_was_freed() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    keep_freed_memory()

    def pages_fetched() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        array = ctypes.c_void_p(library.malloc(LARGE))
        library.memset(array, 1, ctypes.c_size_t(LARGE))
        library.free(array)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    pages_fetched()
    assert pages_fetched() < LARGE / resource.getpagesize() / 100
