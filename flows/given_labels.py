"""The labels that a run begins with, dense or only here and there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.config import DataConfig
from loop.errors import InputError
from loop.volume import Volume, open_volume, require_equal_shape


@dataclass(frozen=True)
class GivenLabels:
    """Instance labels and which voxels have one: all, those that a mask marks, or those without a certain id."""

    labels: Volume
    mask: Volume | None
    unlabelled: int | None

    @classmethod
    def of(cls, data: DataConfig, labels: Volume) -> "GivenLabels":
        """Open what the configuration names.

        Raises
        ------
        InputError
            If it names both a mask and an id, or the mask does not have the shape of the labels.
        """
        if not data.annotated:
            return cls(labels, None, data.unlabelled)
        if data.unlabelled is not None:
            raise InputError(
                "which voxels are labelled is said twice",
                given=f"annotated = {data.annotated!r} and unlabelled = {data.unlabelled}",
                expected="a mask, or an id that stands for no label",
                fix="give --annotated or --unlabelled",
            )
        mask = open_volume(data.annotated)
        require_equal_shape(labels, mask)
        return cls(labels, mask, None)

    def section(self, z: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Give the labels of section `z` and where they count, `(y, x)` each; what does not count is 0."""
        labels = self.labels.section(z)
        if self.mask is not None:
            counted = np.asarray(self.mask.section(z) != 0)
        else:
            counted = np.ones(labels.shape, np.bool_) if self.unlabelled is None else labels != self.unlabelled
        return np.where(counted, labels, 0).astype(labels.dtype), counted

    def any_object(self, z: int) -> bool:
        """Tell whether section `z` has an object."""
        return bool(self.section(z)[0].any())
