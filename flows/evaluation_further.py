"""What `proofloop evaluate` measures besides, if asked: links, clefts, run length on skeletons."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from flows.run_length import RunLengthCounter
from flows.skeletons import require_voxel_size
from loop.errors import InputError
from loop.metrics_cleft import CleftCounter, CleftScores
from loop.metrics_links import LinkCounter, LinkScores
from loop.progress import Progress
from loop.tolerance import tolerance_px_of
from loop.volume import Volume, VoxelSize

Also = Literal["links", "clefts", "run-length"]


@dataclass(frozen=True)
class Counted:
    """Which voxels count.

    Attributes
    ----------
    sections : str
        `start:stop`; all of the volume where it is empty.
    tolerance_px : float
        Pixels of a section nearer than this to a true boundary do not count, see `without_boundaries`, and nodes of
        skeletons there make no merger; the Dice coefficient, which is about boundaries, links and clefts count all.
    tolerance_nm : float
        The same in nm and as CREMI has it, up to this far away; one of both is 0.
    """

    sections: str = ""
    tolerance_px: float = 0
    tolerance_nm: float = 0

    def within_px(self, truth: Volume, voxel_size_nm_zyx: VoxelSize | None) -> float:
        """Give the tolerance in px, by the size of voxels as given or as the truth says.

        Raises
        ------
        InputError
            If there are two tolerances, or it is one in nm and voxels have no known size or are not square in y and x.
        """
        if self.tolerance_px and self.tolerance_nm:
            raise InputError(
                "a tolerance is given twice",
                given=f"{self.tolerance_px:g} px and {self.tolerance_nm:g} nm",
                expected="pixels or nanometres",
                fix="leave one out",
            )
        if not self.tolerance_nm:
            return self.tolerance_px
        return tolerance_px_of(self.tolerance_nm, require_voxel_size(truth, voxel_size_nm_zyx))


_Measure = TypeVar("_Measure", LinkScores, CleftScores)


class BySection(BaseModel, Generic[_Measure]):
    """A measure of a volume, and of each of its sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    volume: _Measure
    """Of all sections."""
    sections: dict[int, _Measure]
    """Of each by itself: of links, those to the section before; of clefts, the voxels in it."""


@dataclass(frozen=True)
class Further:
    """What is measured besides, while sections pass by, of which `first` is the number of the first."""

    first: int
    links: LinkCounter | None
    clefts: CleftCounter | None
    run_length: RunLengthCounter | None
    sections_of_links: dict[int, LinkScores] = field(default_factory=dict)

    @classmethod
    def asked(
        cls,
        also: Collection[Also],
        truth: Volume,
        *,
        first: int,
        voxel_size_nm_zyx: VoxelSize | None,
        tolerance_px: float,
        progress: Progress,
    ) -> "Further":
        """Begin with what was asked for; skeletons are made here."""
        size = require_voxel_size(truth, voxel_size_nm_zyx) if {"clefts", "run-length"} & set(also) else (1, 1, 1)
        lines = None
        if "run-length" in also:
            lines = RunLengthCounter(truth, size, tolerance_px=tolerance_px, progress=progress)
        return cls(
            first=first,
            links=LinkCounter() if "links" in also else None,
            clefts=CleftCounter(size) if "clefts" in also else None,
            run_length=lines,
        )

    def add(self, z: int, section: NDArray[Any], truth: NDArray[Any]) -> None:
        """Take in section `z`, `(y, x)`, after those before it."""
        if self.links:
            self.sections_of_links[z] = self.links.add(section, truth)
        if self.clefts:
            self.clefts.add(z, _inside(section), _inside(truth))
        if self.run_length:
            self.run_length.add(z - self.first, section, truth)

    def found(self) -> dict[str, Any]:
        """Give what was measured, by the fields of `Evaluation`; None is what nobody asked for."""
        clefts = None
        if self.clefts:
            whole, sections = self.clefts.scores()
            clefts = BySection(volume=whole, sections=sections)
        return {
            "links": BySection(volume=self.links.scores, sections=self.sections_of_links) if self.links else None,
            "clefts": clefts,
            "run_length": self.run_length.scores() if self.run_length else None,
        }


def _inside(section: NDArray[Any]) -> NDArray[np.bool_]:
    """Give what is cleft: not 0, not the largest number of 64 bits, which CREMI has for background; or probable."""
    if section.dtype.kind == "f":
        return np.asarray(section >= 0.5)
    return np.asarray((section != 0) & (section != np.uint64(2**64 - 1)))
