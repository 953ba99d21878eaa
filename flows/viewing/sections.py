"""A stored volume for readers that ask for boxes: whole sections are read, and the last ones kept."""

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.volume import Volume

_KEPT_BYTES = 256 * 2**20


class KeptSections:
    """A volume `(z, y, x)` that is cut by `array[z0:z1, y0:y1, x0:x1]`, from any thread.

    Volumes are stored by section, while a viewer asks for small boxes: each section is read once for all boxes that it
    has a part in, as long as no more than 256 MiB are kept.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._most = max(1, _KEPT_BYTES // (volume.shape[1] * volume.shape[2] * self.dtype.itemsize))
        self._lock = threading.Lock()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Sections, rows, columns."""
        return self._volume.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a voxel."""
        return self._volume.dtype

    def __getitem__(self, box: tuple[slice, slice, slice]) -> NDArray[Any]:
        depth, rows, columns = box
        cut = [self._section(z)[rows, columns] for z in range(*depth.indices(self.shape[0]))]
        return np.stack(cut) if cut else np.empty((0, *self.shape[1:]), self.dtype)[:, rows, columns]

    def _section(self, z: int) -> NDArray[Any]:
        with self._lock:
            if z not in self._kept:
                self._kept[z] = self._volume.section(z)
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(z)
            return self._kept[z]
