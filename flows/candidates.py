"""What query strategies choose from, measured section by section: for a run's pool and for the bake-off."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.config import RankingConfig
from loop.calibration import Asked, expected_minutes
from loop.doubt_finding import doubt_density
from loop.minutes import KEYSTROKES, EffortModel
from loop.places import Place, Tile
from loop.progress import Progress, silent
from loop.ranking import EMBEDDINGS, NEEDS, Candidates
from loop.ranking_tiles import Tiling, tiling
from loop.section_looks import damaged, look_of, look_planes, looks
from loop.uncertainty import divergence_map, entropy_map, information_map, margin_map
from tracing.seeding import SeedingConfig, objects_of_membrane

Plane = Callable[[int], NDArray[Any]]
"""Gives something of section z, (y, x)."""

COMMITTEE_MODELS = 3
"""Models in a committee: the last one, or a run's promoted one, and those before it."""
_MEMBRANE = 0.5
"""Probability from which on a pixel counts as foreground."""
_WORK = ("objects", "doubts")
"""What an annotator's minutes are expected from."""


@dataclass(frozen=True)
class Pool:
    """The sections that may be asked for and what is known of them.

    Attributes
    ----------
    sections : sequence of int
        What may be asked for, as a whole or in part.
    image : callable
        Gives the EM section z, uint8.
    membrane, variance : callable
        Give the mean and the variance over views of the predicted probability.
    earlier : sequence of callable
        The same mean, as the models of earlier iterations predicted it.
    traced : mapping of str to callable
        What axons tell of section z, by the names in `loop.ranking.TRACED`; 0 or more.
    labelled : tuple of int
        Sections that have labels.
    tiles : mapping of int to sequence of Tile
        Labelled parts of sections that may be asked for.
    """

    sections: Sequence[int]
    image: Plane
    membrane: Plane
    variance: Plane
    earlier: Sequence[Plane] = ()
    traced: Mapping[str, Plane] = field(default_factory=dict)
    labelled: tuple[int, ...] = ()
    tiles: Mapping[int, Sequence[Tile]] = field(default_factory=dict)

    def measures(self, seeding: SeedingConfig) -> Mapping[str, Plane]:
        """Give what can be measured of section z by name; a place is worth the mean over its pixels."""
        known: dict[str, Plane] = {
            "foreground": lambda z: self.membrane(z) >= _MEMBRANE,
            "entropy": lambda z: entropy_map(self.membrane(z)),
            "margin": lambda z: margin_map(self.membrane(z)),
            "variance": self.variance,
            "bald": lambda z: information_map(self.membrane(z), self.variance(z)),
            "committee": lambda z: divergence_map([self.membrane(z), *(member(z) for member in self.earlier)]),
            "objects": lambda z: _object_density(objects_of_membrane(self.membrane(z), seeding)),
            "doubts": lambda z: doubt_density(self.membrane(z)),
        }
        if not self.earlier:  # in the first turn there is one model: its views are the committee
            known["committee"] = known["bald"]
        return {**known, **self.traced}


def candidates_of(
    pool: Pool,
    ranking: RankingConfig,
    *,
    seeding: SeedingConfig,
    effort: EffortModel = KEYSTROKES,
    progress: Progress = silent,
) -> Candidates:
    """Measure what a strategy needs to know of every place of a pool.

    Parameters
    ----------
    pool : Pool
        The sections.
    ranking : RankingConfig
        The strategy, whether places are sections or tiles, and whether their cost counts.
    seeding : SeedingConfig
        How the objects are found that an annotator looks at.
    effort : EffortModel
        What looking and correcting take, as far as answers have told.
    progress : Progress
        Counts sections.

    Returns
    -------
    Candidates
        Ready for `loop.ranking.choose`. Sections that look damaged have no foreground.
    """
    needs, measures = NEEDS[ranking.strategy], pool.measures(seeding)
    names = [name for name in (*needs, *(_WORK if ranking.per_minute else ())) if name in measures]
    tile_px = ranking.tile_px if ranking.unit == "tile" else None
    places, areas_px = list[Place](), list[int]()
    means, seen = list[NDArray[np.float64]](), list[NDArray[np.float64]]()
    for done, z in enumerate(pool.sections, start=1):
        image = pool.image(z)
        tiles = tiling((image.shape[0], image.shape[1]), z, tile_px=tile_px, labelled=pool.tiles.get(z, ()))
        places += tiles.places
        areas_px += [tiles.area_px] * len(tiles.places)
        means.append(_columns(tiles, (np.where(tiles.fresh, measures[name](z), 0) for name in names)))
        seen.append(_columns(tiles, look_planes(image) if EMBEDDINGS in needs else ()))
        progress(done, len(pool.sections))
    scores = dict(zip(names, np.concatenate(means, axis=1), strict=True)) if places else {}
    if "foreground" in scores:
        scores["foreground"] = np.where(_look_damaged(pool, places), 0, scores["foreground"])
    asked = _asked(scores, np.array(areas_px, np.float64))
    cost = np.asarray(expected_minutes(asked, effort)) if asked else np.ones(len(places))
    found = Candidates(tuple(places), scores, cost, asked=asked)
    if EMBEDDINGS not in needs:
        return found
    known = [look_of(pool.image(z)) for z in pool.labelled]
    return replace(
        found,
        embeddings=looks(np.concatenate(seen, axis=1).T),
        labelled=pool.labelled,
        labelled_embeddings=np.array(known) if known else None,
    )


def _columns(tiles: Tiling, planes: Iterable[NDArray[Any]]) -> NDArray[np.float64]:
    """Average planes, one at a time, over every place: (planes, places)."""
    means = [np.maximum(tiles.means(plane), 0) for plane in planes]  # sums of large areas leave rounding below 0
    return np.array(means, np.float64).reshape(len(means), len(tiles.places))


def _look_damaged(pool: Pool, places: Sequence[Place]) -> NDArray[np.bool_]:
    ruined = damaged(np.array([look_of(pool.image(z)) for z in pool.sections]))
    of_section = dict(zip(pool.sections, ruined.tolist(), strict=True))
    return np.array([of_section[place.z] for place in places], np.bool_)


def _object_density(objects: NDArray[np.int32]) -> NDArray[np.float64]:
    """Spread every object over its pixels: the sum over any part is how many lie there."""
    return 1 / np.bincount(objects.ravel())[objects]


def _asked(scores: Mapping[str, NDArray[np.float64]], areas_px: NDArray[np.float64]) -> Asked | None:
    """Say what there is to look at in every place; None where that was not measured."""
    if not {*_WORK} <= {*scores}:
        return None
    objects, doubts = (scores[name] * areas_px for name in _WORK)
    return Asked(objects, doubts, areas_px)
