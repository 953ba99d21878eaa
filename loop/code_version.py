"""Which code is running, for the record of what it made."""

import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_CHECKOUT = Path(__file__).parent.parent


@lru_cache(maxsize=1)
def code_version() -> str:
    """Give the version, and where this is a checkout its commit, with `-dirty` if files differ from that."""
    try:
        number = version("proofloop")
    except PackageNotFoundError:
        number = "unknown version"
    if not (_CHECKOUT / ".git").exists():
        return number
    asked = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        described = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):  # no git, or a checkout of somebody else's
        return number
    return f"{number} ({described})"
