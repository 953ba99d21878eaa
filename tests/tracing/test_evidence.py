import numpy as np
import pytest

from tests.tracing.test_consistency import SIZE, STILL, walled
from tracing.consistency import Neighbour
from tracing.evidence import evidence_maps


def test_a_section_like_its_neighbours_with_sure_walls_gives_no_sign() -> None:
    objects, membrane = walled(10, 20)
    beside = [Neighbour(membrane, objects, STILL)] * 2
    maps = evidence_maps(objects, membrane, objects, neighbours=beside, axons_nearby=[objects] * 4)
    assert {kind: found.max() for kind, found in maps.items()} == dict.fromkeys(
        ("weak border", "axon border", "contradicted", "contradicted once", "jump"), 0
    )


def test_a_piece_behind_a_weak_wall_is_a_sign_on_the_whole_of_the_smaller_object() -> None:
    objects, membrane = walled(10, 24)
    membrane[:, 10] = 0.4
    maps = evidence_maps(objects, membrane, objects, neighbours=[], axons_nearby=[])
    assert maps["weak border"][:, :10] == pytest.approx(0.6)
    assert maps["weak border"][:, 10:].max() == 0
    assert set(maps) == {"weak border", "axon border"}  # without neighbours nothing is said of them


def test_borders_of_few_pixels_are_not_judged() -> None:
    objects = np.ones((SIZE, SIZE), np.int32)
    objects[:3, :2] = 2
    maps = evidence_maps(objects, np.zeros((SIZE, SIZE)), objects, neighbours=[], axons_nearby=[])
    assert maps["weak border"].max() == 0


def test_one_neighbour_that_differs_is_told_from_both() -> None:
    objects, membrane = walled(20)
    other, wall = walled(12, 20)
    same, differs = Neighbour(membrane, objects, STILL), Neighbour(wall, other, STILL)
    once, twice = (
        evidence_maps(objects, membrane, objects, neighbours=beside, axons_nearby=[])
        for beside in ([same, differs], [differs, differs])
    )
    assert (once["contradicted once"].max(), once["contradicted"].max()) == (1, 0)
    assert twice["contradicted"][:, 12:20].min() == 1
    assert twice["contradicted"][:, 20:].max() == 0


def test_an_axon_that_is_twice_as_large_as_nearby_jumps_and_a_missing_one_more() -> None:
    axons, nearby = np.zeros((SIZE, SIZE), np.uint32), np.zeros((SIZE, SIZE), np.uint32)
    axons[:, :20], nearby[:, :10] = 7, 7
    jump, alone = (
        evidence_maps(np.ones((SIZE, SIZE), np.int32), axons, axons, neighbours=[], axons_nearby=[near] * 3)["jump"]
        for near in (nearby, nearby * 0)
    )
    assert jump[:, :20] == pytest.approx(np.log((20 * SIZE + 20) / (10 * SIZE + 20)))
    assert jump[:, 20:].max() == 0
    assert alone[0, 0] > jump[0, 0]


def test_a_border_of_axons_within_an_object_is_a_sign_of_a_merger() -> None:
    merged, membrane = walled(26)
    parted, _ = walled(12, 26)
    maps = evidence_maps(merged, membrane, parted, neighbours=[], axons_nearby=[])
    assert maps["axon border"][:, 11:13].min() == 1
    assert maps["axon border"][:, 20:].max() == 0
