"""Tokens and passwords: from the environment, else from a Secret block of the Prefect server, never from parameters."""

import os
from typing import cast

from annotation.database import PASSWORD_VARIABLE
from annotation.server import TOKEN_VARIABLE
from flows.serving.notifying import URLS_VARIABLE

VARIABLES = (TOKEN_VARIABLE, PASSWORD_VARIABLE, URLS_VARIABLE)


def block_of(variable: str) -> str:
    """Name the Secret block that stands for an environment variable."""
    return variable.lower().replace("_", "-")


def take_secrets() -> None:
    """Put the values of those Secret blocks that exist into the environment of this process, where none is set."""
    from prefect.blocks.system import Secret

    for variable in VARIABLES:
        if variable in os.environ:
            continue
        try:
            block = cast("Secret[str]", Secret.load(block_of(variable)))
        except ValueError:  # there is no such block
            continue
        os.environ[variable] = str(block.get())
