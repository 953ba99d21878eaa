from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tracing.merging import MergingConfig, Walls, walls_between

SECTION = np.array([[1, 1, 2, 2, 3, 3]] * 2, np.uint64)
MEMBRANE = np.array([[0, 0.2, 0.4, 0, 0.9, 0]] * 2, np.float32)
"""Between 1 and 2 stands 0.4, between 2 and 3 stands 0.9."""


def look(walls: Walls, tracks: NDArray[Any], membrane: NDArray[np.float32]) -> None:
    found = walls_between(tracks, membrane)
    walls.add(found, found.first, found.second)


def merged(below: float | None, names: dict[int, int] | None = None, walls: Walls | None = None) -> list[int]:
    if walls is None:
        walls = Walls()
        look(walls, SECTION, MEMBRANE)
    return [int(axon) for axon in walls.merged(3, MergingConfig(wall_below=below), names)]


def test_tracks_without_a_wall_between_them_become_one() -> None:
    assert merged(0.3) == [0, 1, 2, 3]
    assert merged(0.5) == [0, 1, 1, 2]
    assert merged(0.95) == [0, 1, 1, 1]


def test_it_can_be_switched_off() -> None:
    assert merged(None) == [0, 1, 2, 3]


def test_a_wall_in_another_section_keeps_tracks_apart() -> None:
    walls = Walls()
    look(walls, SECTION, MEMBRANE)
    look(walls, SECTION, np.where(SECTION == 1, 1, MEMBRANE).astype(np.float32))  # mean of 0.4 and 1
    assert merged(0.69, walls=walls) == [0, 1, 2, 3]
    assert merged(0.71, walls=walls) == [0, 1, 1, 2]


def test_walls_of_what_has_merged_are_put_together() -> None:
    tracks = np.array([[1, 2], [3, 3]], np.uint64)
    membrane = np.array([[0, 0], [0.6, 1.0]], np.float32)
    walls = Walls()
    look(walls, tracks, membrane)
    # 1 to 3 alone is 0.6; after 1 and 2 have merged at 0 it is the mean of 0.6 and 1.0
    assert merged(0.75, walls=walls) == [0, 1, 1, 2]
    assert merged(0.85, walls=walls) == [0, 1, 1, 1]


def test_tracks_of_different_names_never_become_one_not_even_through_a_third() -> None:
    assert merged(0.95, {1: 0, 2: 1}) == [0, 1, 2, 2]
    assert merged(0.95, {1: 0, 3: 1}) == [0, 1, 1, 2]
    assert merged(0.95, {1: 5, 3: 5}) == [0, 1, 1, 1]


def test_walls_between_pieces_of_one_track_do_not_count_and_those_of_its_pieces_to_another_add_up() -> None:
    pieces = np.array([[1, 2], [3, 3]], np.uint64)  # 1 and 2 are one track
    found = walls_between(pieces, np.array([[0, 0], [0.6, 1.0]], np.float32))
    tracks = np.array([0, 1, 1, 2])
    walls = Walls()
    walls.add(found, tracks[found.first], tracks[found.second])
    assert walls.merged(2, MergingConfig(wall_below=0.79)).tolist() == [0, 1, 2]
    assert walls.merged(2, MergingConfig(wall_below=0.81)).tolist() == [0, 1, 1]


def test_what_is_no_track_merges_with_nothing() -> None:
    walls = Walls()
    look(walls, np.array([[1, 0, 2]], np.uint64), np.zeros((1, 3), np.float32))
    assert merged(0.9, walls=walls) == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(3))
def test_every_axon_hangs_together_and_no_low_wall_is_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks = np.kron(rng.permutation(36).reshape(6, 6) + 1, np.ones((4, 4), int)).astype(np.uint64)
    walls, membrane = Walls(), rng.random((24, 24), np.float32)
    look(walls, tracks, membrane)
    axons = walls.merged(36, MergingConfig(wall_below=0.66))
    again = Walls()
    look(again, axons[tracks], membrane)
    count = int(axons.max())
    assert 1 < count < 36
    assert again.merged(count, MergingConfig(wall_below=0.66)).tolist() == list(range(count + 1))
