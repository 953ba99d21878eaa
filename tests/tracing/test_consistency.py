import numpy as np
import pytest
from numpy.typing import NDArray

from tracing.consistency import USUAL, Neighbour, fault_maps, fault_score, inverted

SIZE = 32
STILL = np.zeros((2, SIZE, SIZE), np.float32)


def walled(*columns: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Objects side by side with walls at these columns, and their membrane."""
    x = np.arange(SIZE)
    objects = 1 + sum(((x >= column).astype(np.int32) for column in columns), np.zeros(SIZE, np.int32))
    membrane = np.isin(x, columns).astype(np.float32)
    return np.tile(objects, (SIZE, 1)), np.tile(membrane, (SIZE, 1))


def test_a_section_that_fits_has_no_fault() -> None:
    objects, membrane = walled(10, 20)
    maps = fault_maps(objects, objects + 40, membrane, [Neighbour(membrane, objects, STILL)] * 2)
    assert set(maps) == set(USUAL)
    assert fault_score(maps).max() == 0


def test_two_objects_without_their_wall_are_a_fault_where_the_smaller_one_lies() -> None:
    merged, nothing = walled(20)
    parted, membrane = walled(12, 20)
    maps = fault_maps(merged, parted, nothing, [Neighbour(membrane, parted, STILL)] * 2)
    assert maps["misfit"][:, 12:20].min() == 1
    assert maps["misfit"][:, :12].max() == maps["misfit"][:, 20:].max() == 0
    assert maps["lost wall"][5, 12] == 1
    assert maps["lost wall"][5, 20] == 0
    assert maps["lone border"].max() == 0
    assert maps["unmatched"].sum() == pytest.approx((1 - 12 / 20) + (1 - 8 / 20))


def test_an_object_cut_in_two_is_a_fault_along_the_border_that_no_neighbour_has() -> None:
    cut, membrane = walled(8, 20)
    whole, without = walled(20)
    maps = fault_maps(cut, whole, membrane, [Neighbour(without, whole, STILL)] * 2)
    assert maps["lone border"][:, 7:9].min() == 1
    assert maps["lone border"][:, 10:].max() == 0
    assert maps["lost wall"].max() == 0
    assert maps["misfit"][:, :8].min() == 1
    assert maps["misfit"][:, 8:].max() == 0


def test_what_one_neighbour_alone_has_is_no_fault() -> None:
    objects, membrane = walled(20)
    other, further = walled(12, 20)
    neighbours = [Neighbour(membrane, objects, STILL), Neighbour(further, other, STILL)]
    assert fault_score(fault_maps(objects, objects, membrane, neighbours)).max() == 0


def test_a_shift_that_registration_knows_is_no_fault() -> None:
    objects, membrane = walled(10, 20)
    moved, there = walled(16, 26)
    along = np.stack([np.zeros((SIZE, SIZE)), np.full((SIZE, SIZE), 6.0)]).astype(np.float32)
    maps = fault_maps(objects, objects, membrane, [Neighbour(there, moved, along)])
    assert maps["lost wall"].max() == 0
    assert maps["lone border"][:, :25].max() == 0


def test_a_section_without_neighbours_is_compared_with_its_axons_alone() -> None:
    objects, membrane = walled(10)
    assert set(fault_maps(objects, objects, membrane, [])) == {"misfit", "unmatched"}


def test_where_there_is_no_axon_nothing_can_be_wrong() -> None:
    objects, membrane = walled(10)
    maps = fault_maps(objects, np.zeros_like(objects), membrane, [])
    assert fault_score(maps).max() == 0


def test_an_inverted_flow_leads_back() -> None:
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    flow = np.stack([2 + 0.03 * x, -1 + 0.02 * y]).astype(np.float32)
    back = inverted(flow)
    there_y, there_x = 10 + flow[0, 10, 12], 12 + flow[1, 10, 12]
    at = round(float(there_y)), round(float(there_x))
    assert back[:, at[0], at[1]] == pytest.approx(-flow[:, 10, 12], abs=0.05)
