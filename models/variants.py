"""The sixteen mirror images of a stack that serial-section EM cannot tell apart."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True)
class Variant:
    """One of the sixteen: flips along z, y and x, after which y and x may change places."""

    flip_z: bool = False
    flip_y: bool = False
    flip_x: bool = False
    transpose: bool = False

    def apply(self, stack: NDArray[_T]) -> NDArray[_T]:
        """Show `stack` (z, y, x) as this variant; a view."""
        flipped = stack[self._flips()]
        return flipped.swapaxes(1, 2) if self.transpose else flipped

    def invert(self, stack: NDArray[_T]) -> NDArray[_T]:
        """Undo `apply`; a view."""
        straight = stack.swapaxes(1, 2) if self.transpose else stack
        return straight[self._flips()]

    def _flips(self) -> tuple[slice, slice, slice]:
        return (
            slice(None, None, -1 if self.flip_z else 1),
            slice(None, None, -1 if self.flip_y else 1),
            slice(None, None, -1 if self.flip_x else 1),
        )


# ordered so that the first 1, 4, 8 and 16 each form a group: mirrors in the plane, its diagonal, then depth
VARIANTS = tuple(
    Variant(flip_z=bool(number & 8), flip_y=bool(number & 1), flip_x=bool(number & 2), transpose=bool(number & 4))
    for number in range(16)
)
