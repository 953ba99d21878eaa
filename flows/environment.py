"""Settings that libraries read at their first import: their files in our cache folder, nothing sent outside."""

import os

from loop.cache import cache_folder

_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_CLI_COLORS": "false",
}


def apply_environment() -> None:
    """Set what the reader has not set; `PREFECT_API_URL` in the environment still chooses a lab's own server."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_HOME", str(cache_folder() / "prefect"))
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))
