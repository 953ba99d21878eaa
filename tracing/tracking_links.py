"""Links between objects of different sections, as they are stored."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracing.tracking_assignment import Assignment
from tracing.tracking_objects import Numbers
from tracing.tracking_runs import Indices

LinkKind = Literal["link", "split", "merge", "gap", "anchor"]


@dataclass(frozen=True)
class Links:
    """Links from objects of one section to objects of a later one.

    Attributes
    ----------
    z, to_z : int
        The two sections.
    kind : str
        `link`: one to one. `split`, `merge`: a further one of an object that has a link. `gap`: over sections between.
        `anchor`: because a person said so.
    first, second : (links,) int64
        Objects, numbered from 1 in their sections.
    cost, margin : (links,) float64
        In nats; see `LinkCosts` and `Assignment`.
    """

    z: int
    to_z: int
    kind: LinkKind
    first: Indices
    second: Indices
    cost: Numbers
    margin: Numbers

    def __len__(self) -> int:
        return len(self.first)

    def where(self, kept: NDArray[np.bool_]) -> "Links":
        """Give the links for which `kept` is true."""
        return replace(
            self, first=self.first[kept], second=self.second[kept], cost=self.cost[kept], margin=self.margin[kept]
        )


def links_of(assignment: Assignment, sections: tuple[int, int], kind: LinkKind) -> Links:
    """Name what was assigned between two sections."""
    chosen = assignment.links
    return Links(*sections, kind, chosen.first, chosen.second, chosen.cost, assignment.margin)
