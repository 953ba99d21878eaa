"""What a query strategy chooses from: places, what speaks for each, and what each would cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loop.calibration import Asked
from loop.places import Place

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """The places that may be asked for; row n of every array is about place n.

    Attributes
    ----------
    places : tuple of Place
        Sections or tiles.
    scores : mapping of str to (n,) float64
        What speaks for each place, 0 or more: a mean over its pixels, so that tiles compare with sections. Those that
        the strategy needs (`loop.ranking.NEEDS`) have to be there.
    expected_minutes : (n,) float64
        What a place would cost an annotator, above 0.
    embeddings : (n, d) float64 or None
        What a place looks like; distances between rows mean difference.
    labelled : tuple of int
        Sections that have labels.
    labelled_embeddings : (m, d) float64 or None
        What these look like.
    asked : Asked or None
        What there is to look at in every place; None where minutes do not count.
    """

    places: tuple[Place, ...]
    scores: Mapping[str, Numbers]
    expected_minutes: Numbers
    embeddings: Numbers | None = None
    labelled: tuple[int, ...] = ()
    labelled_embeddings: Numbers | None = None
    asked: Asked | None = None

    def value(self, score: str) -> Numbers:
        """Give a score per expected minute."""
        return self.scores[score] / self.expected_minutes

    def at_equal_cost(self) -> "Candidates":
        """Give the same places as if all cost one minute."""
        return replace(self, expected_minutes=np.ones(len(self.places)))


@dataclass(frozen=True)
class Batch:
    """How many places are to be chosen, how far apart, and the chance that a strategy may use.

    Attributes
    ----------
    n_places : int
        How many to choose; fewer are chosen where the distance leaves no more.
    min_distance_sections : int
        Least difference in z between two chosen sections, or tiles that overlap; 1 or more.
    rng : numpy Generator
        Decides whatever is left to chance.
    """

    n_places: int
    min_distance_sections: int
    rng: np.random.Generator

    def highest(self, places: tuple[Place, ...], values: NDArray[Any]) -> list[Place]:
        """Choose the places of the highest values, no two of which show the same.

        Neighbouring sections look alike, so two of them teach the model little more than one. Tiles of one section, or
        of neighbouring ones, may both be chosen where they have no pixel in common.

        Parameters
        ----------
        places : tuple of Place
            What there is.
        values : (n,) array of float
            Of each place; a place of value -inf is never chosen.

        Returns
        -------
        list of Place
            Highest value first; ties go to the lower z, then to the upper and the left tile.
        """
        chosen: list[Place] = []
        possible = np.flatnonzero(values > -np.inf).tolist()
        for number in sorted(possible, key=lambda number: (-values[number], places[number].order)):
            if len(chosen) == self.n_places:
                break
            if not any(self.too_near(places[number], other) for other in chosen):
                chosen.append(places[number])
        return chosen

    def too_near(self, place: Place, other: Place) -> bool:
        """Tell whether two places would show the same."""
        return place.shows_the_same(other, min_distance_sections=self.min_distance_sections)
