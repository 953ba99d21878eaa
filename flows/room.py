"""Arrays that may exceed memory."""

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Room:
    """Gives arrays in memory up to a limit; beyond it, in files that vanish with the array.

    Parameters
    ----------
    folder : Path
        Where the files lie; they have no name there, so that not even a kill leaves one behind.
    in_memory_bytes : int
        The limit.
    """

    def __init__(self, folder: Path, in_memory_bytes: int) -> None:
        self._folder, self._left = folder, in_memory_bytes

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Give an array of zeros."""
        self._left -= math.prod(shape) * np.dtype(dtype).itemsize
        if self._left >= 0:
            return np.zeros(shape, dtype)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            return np.memmap(file, dtype=dtype, mode="w+", shape=shape)
