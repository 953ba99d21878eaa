"""Libraries of the optional extra `export`, asked for only where they are used."""

import importlib
from types import ModuleType

from loop.errors import InputError


def required(library: str) -> ModuleType:
    """Import a library of the extra `export`.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise InputError(
            f"the library {library} is not installed",
            given=str(error),
            expected="proofloop with its extra export",
            fix='in the checkout: .venv/bin/python -m pip install -e ".[export]"',
        ) from error
