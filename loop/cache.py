"""The cache folder: what can be made again, shared by all runs of a user."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Give `$PROOFLOOP_CACHE`, else `proofloop` in `$XDG_CACHE_HOME` or `~/.cache`."""
    chosen = os.environ.get("PROOFLOOP_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "proofloop"
