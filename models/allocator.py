"""The C library's handling of freed memory, which costs a processor up to a quarter of its time with a network."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MOST = -1, -3, -4  # names of the settings in glibc's malloc.h
_KEEPING = {_MMAP_MOST: 0, _TRIM_THRESHOLD: 2**31 - 1}
_USUAL = {_MMAP_MOST: 2**16, _MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26}
"""What glibc comes to by itself in a process that has used arrays of 32 MiB."""


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """Keep what is freed for the next array, and give it back to the system in the end.

    By default glibc gives arrays above 32 MiB back to the system at once, and networks on a processor fetch them anew,
    page by page, for every update and every section. Other C libraries have no such setting; then nothing happens, nor
    for a network on a GPU.
    """
    library = ctypes.CDLL(None)
    if device.type != "cpu" or not hasattr(library, "mallopt"):
        yield
        return
    _set(library, _KEEPING)
    try:
        yield
    finally:
        _set(library, _USUAL)
        library.malloc_trim(0)


def _set(library: ctypes.CDLL, settings: dict[int, int]) -> None:
    for name, value in settings.items():
        library.mallopt(name, value)
