"""What the report shows of traced axons, as plain records without files behind them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TracedAxon:
    """A line of the table of axons."""

    axon: int
    """Its id in the labels."""
    length_um: float
    sections: int
    """In which it is seen."""
    breaks: int
    """Times that it is not seen in between."""
    mean_link_margin: float | None
    """Mean lead of its links over the second best, nats; None where it is not known."""


@dataclass(frozen=True, eq=False)
class Cut:
    """An axon in one section; both arrays are (y, x) of one shape."""

    z: int
    image: NDArray[np.uint8]
    inside: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Strip:
    """An axon followed through some of its sections."""

    axon: TracedAxon
    colour: tuple[int, int, int]
    """Red, green and blue up to 255, as in the picture."""
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, eq=False)
class TracedAxons:
    """What was traced last in a run."""

    file: str
    """Labels, relative to the run."""
    count: int
    """Axons and pieces of axons."""
    longest: tuple[TracedAxon, ...]
    """The longest first."""
    picture: NDArray[Any]
    """The longest from three sides: (y, x, 3), uint8."""
    strips: tuple[Strip, ...]
    """The longest of them, in sections spread over their course."""
