"""Other ways to predict a volume, run layer after layer of patches, so that they can take turns with ours."""

import itertools
import math
import time
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

Zyx = tuple[int, ...]
CLEAR_WEIGHT = 0.9
"""Where patches are blended, the share of weights by which a voxel is one of patches that end far away."""


class Way(Protocol):
    """A way to predict, and what it has taken so far."""

    name: str
    layers: int
    patches: int
    patches_run: int
    clock: float
    processor: float

    def run_layers(self, *, until: int) -> None:
        """Go on to so many layers."""

    def result(self) -> NDArray[np.float32]:
        """Give the probability so far."""

    def complete(self) -> NDArray[np.bool_]:
        """Say which voxels are as they would be in the end."""

    def clear(self, sections: int, px: int) -> NDArray[np.bool_]:
        """Say of which voxels the patches that count end so far away, where they end inside of the volume."""


class TentBlending:
    """The predecessor's way: patches at a stride of half a patch, weights that fall linearly to the patch's edges."""

    name = "predecessor"

    def __init__(self, network: torch.nn.Module, volume: NDArray[np.uint8], patch: Zyx) -> None:
        self.network, self.volume, self.patch = network, volume, patch
        self.starts = [_half_stride(extent, size) for extent, size in zip(volume.shape, patch, strict=True)]
        self.layers, self.patches = len(self.starts[0]), math.prod(map(len, self.starts))
        self.tent = np.einsum("i,j,k->ijk", *map(_tent, patch)).astype(np.float32)
        self.total, self.weight = np.zeros(volume.shape, np.float32), np.zeros(volume.shape, np.float32)
        self.layers_run = self.patches_run = 0
        self.clock = self.processor = 0.0

    def run_layers(self, *, until: int) -> None:
        """Go on to so many layers of patches."""
        clock, processor = time.perf_counter(), time.process_time()
        for corner in itertools.product(self.starts[0][self.layers_run : until], *self.starts[1:]):
            window = tuple(slice(start, start + size) for start, size in zip(corner, self.patch, strict=True))
            with torch.inference_mode():
                self.total[window] += self.tent * self.network(_tensor(self.volume[window]))[0, 0].sigmoid().numpy()
            self.weight[window] += self.tent
            self.patches_run += 1
        self.layers_run = until
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor

    def result(self) -> NDArray[np.float32]:
        """Give the weighted mean of the patches so far."""
        return self.total / np.maximum(self.weight, 1e-9)

    def complete(self) -> NDArray[np.bool_]:
        """Say which voxels have all their patches: those before the first layer that is not run."""
        begun = self.starts[0][self.layers_run] if self.layers_run < self.layers else len(self.volume)
        return np.broadcast_to(np.arange(len(self.volume))[:, None, None] < begun, self.volume.shape)

    def clear(self, sections: int, px: int) -> NDArray[np.bool_]:
        """Say of which voxels nine tenths of the weight are of patches that end so far away."""
        shares = [
            weight_of_clear(*axis)
            for axis in zip(self.starts, self.patch, self.volume.shape, (sections, px, px), strict=True)
        ]
        share: NDArray[np.float64] = shares[0][:, None, None] * shares[1][:, None] * shares[2]
        return share >= CLEAR_WEIGHT


class MonaiWindows:
    """MONAI's SlidingWindowInferer with its default overlap, blending, batch and precision, on a layer at a time."""

    name = "MONAI"

    def __init__(self, network: torch.nn.Module, volume: NDArray[np.uint8], patch: Zyx) -> None:
        from monai.inferers import SlidingWindowInferer
        from monai.inferers.utils import dense_patch_slices

        self.network, self.volume, self.patch = network, volume, patch
        self.inferer = SlidingWindowInferer(roi_size=patch)
        step = [max(1, int(size * (1 - self.inferer.overlap))) for size in patch]
        # MONAI's own order of windows; its volume is as long as the patch or longer here, so that it pads nothing
        windows = dense_patch_slices(volume.shape, patch, step)
        self.patches = len(windows)
        self.grid = [sorted({window[axis].start for window in windows}) for axis in range(3)]
        self.starts = self.grid[0]
        self.layers = len(self.starts)
        self.found = np.zeros(volume.shape, np.float32)
        self.layers_run = self.patches_run = 0
        self.clock = self.processor = 0.0

    def run_layers(self, *, until: int) -> None:
        """Go on to so many layers of windows, each a call on the sections that the layer covers."""
        clock, processor = time.perf_counter(), time.process_time()
        for start in self.starts[self.layers_run : until]:
            sections = slice(start, start + self.patch[0])
            with torch.inference_mode():
                logits = self.inferer(_tensor(self.volume[sections]), self._counted)
            self.found[sections] = logits[0, 0].sigmoid().numpy()
        self.layers_run = until
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor

    def _counted(self, windows: torch.Tensor) -> torch.Tensor:
        self.patches_run += len(windows)
        logits: torch.Tensor = self.network(windows)
        return logits

    def result(self) -> NDArray[np.float32]:
        """Give what the layers so far gave."""
        return self.found

    def complete(self) -> NDArray[np.bool_]:
        """Say which voxels lie in one layer alone, since this way of calling MONAI does not blend layers."""
        sections = np.arange(len(self.volume))[:, None]
        covered = (sections >= self.starts) & (sections < np.array(self.starts) + self.patch[0])
        alone = (covered.sum(axis=1) == 1) & covered[:, : self.layers_run].any(axis=1)
        return np.broadcast_to(alone[:, None, None], self.volume.shape)

    def clear(self, sections: int, px: int) -> NDArray[np.bool_]:
        """Say of which voxels all windows end so far away."""
        axes = [
            clearance(starts, size, extent) >= least
            for starts, size, extent, least in zip(
                self.grid, self.patch, self.volume.shape, (sections, px, px), strict=True
            )
        ]
        return axes[0][:, None, None] & axes[1][:, None] & axes[2]


def weight_of_clear(starts: list[int], size: int, extent: int, least: int) -> NDArray[np.float64]:
    """Give, along one axis, the share of a tent's weight that is of patches whose ends are at least so far away."""
    tent = _tent(size)
    clear, every = np.zeros(extent), np.zeros(extent)
    for start in starts:
        held = slice(start, start + size)
        clear[held] += tent * (clearance([start], size, extent)[held] >= least)
        every[held] += tent
    return clear / every


def clearance(starts: list[int], size: int, extent: int) -> NDArray[np.int64]:
    """Give, along one axis, how far the nearest end is of all patches that hold a place; the volume's ends are none."""
    places = np.arange(extent)
    nearest = np.full(extent, extent)
    for start in starts:
        held = slice(start, start + size)
        before = places[held] - start if start > 0 else extent
        after = start + size - 1 - places[held] if start + size < extent else extent
        nearest[held] = np.minimum(nearest[held], np.minimum(before, after))
    return nearest


def _tent(size: int) -> NDArray[np.float64]:
    return 1.0 - np.abs(np.linspace(-1, 1, size + 2)[1:-1])


def _half_stride(extent: int, size: int) -> list[int]:
    return sorted({*range(0, extent - size, max(1, size // 2)), extent - size})


def _tensor(stack: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(stack.astype(np.float32) / np.float32(255))[None, None]
