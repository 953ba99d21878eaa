"""The C library's handling of freed memory, which costs a training on a processor a quarter of its time."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MOST = -1, -4  # names of the settings in glibc's malloc.h
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep what is freed for the next array, for the rest of this process.

    By default glibc gives arrays above 32 MiB back to the system at once, and every update of a network fetches them
    anew, page by page. Other C libraries have no such setting; then nothing happens.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_MOST, 0)
        set_option(_TRIM_THRESHOLD, _NEVER)
