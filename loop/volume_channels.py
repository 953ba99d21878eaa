"""Sections stored in three equal channels, as VAST exports them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError


def one_channel(section: NDArray[Any], source: str) -> NDArray[Any]:
    """Give the channel that the three of `section`, (y, x, 3), repeat; a section of (y, x) is given back as it is.

    Raises
    ------
    InputError
        If the channels differ.
    """
    if section.ndim == 2:
        return section
    if not (np.array_equal(section[..., 0], section[..., 1]) and np.array_equal(section[..., 0], section[..., 2])):
        y, x = np.argwhere((section != section[..., :1]).any(axis=-1))[0]
        raise InputError(
            f"{source} is in colour",
            given=f"(R, G, B) = {tuple(section[y, x].tolist())} at y = {y}, x = {x}",
            expected="the same value in R, G and B, or one grey channel",
            fix="export grey values, and labels as ids rather than as colours",
        )
    channel: NDArray[Any] = section[..., 0]
    return channel
