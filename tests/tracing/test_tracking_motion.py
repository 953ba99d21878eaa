import numpy as np
import pytest

from tests.tracing.stacks import PIXEL_NM
from tracing.tracking_costs import Candidates, LinkCosts, Seen, candidates
from tracing.tracking_links import Links
from tracing.tracking_motion import ahead, cheaper, motion_of
from tracing.tracking_objects import measured

GREY = np.zeros((40, 80), np.float32)


def bar(x: int) -> Seen:
    labels = np.zeros(GREY.shape, np.int32)
    labels[10:30, x : x + 5] = 1
    return Seen(labels, measured(labels, GREY, 1))


LINK = Links(0, 1, "link", np.array([1]), np.array([1]), np.zeros(1), np.zeros(1))


def test_an_object_is_expected_where_its_motion_leads() -> None:
    motion = motion_of(LINK, bar(10), bar(22), np.array([[0.0, 0.0], [0.0, 12.0]]))
    assert motion[1].tolist() == [0, 12]
    np.testing.assert_array_equal(ahead(bar(22), motion, GREY).labels, bar(34).labels)


def test_a_slanted_object_costs_less_than_one_that_starts_to_slant() -> None:
    motion = np.array([[0.0, 0.0], [0.0, 12.0]])
    still = candidates(bar(22), bar(34), LinkCosts(), pixel_nm=PIXEL_NM)
    going = candidates(ahead(bar(22), motion, GREY), bar(34), LinkCosts(), pixel_nm=PIXEL_NM)
    assert going.cost[0] == pytest.approx(0)
    assert still.cost[0] > 8


def test_what_moves_out_of_the_picture_is_gone() -> None:
    gone = ahead(bar(70), np.array([[0.0, 0.0], [0.0, 30.0]]), GREY)
    assert not gone.labels.any()


def test_each_pair_keeps_its_lower_cost() -> None:
    def pairs(costs: dict[tuple[int, int], float]) -> Candidates:
        first, second = np.array(list(costs)).T
        return Candidates(first, second, np.array(list(costs.values())), np.ones(len(costs)))

    both = cheaper(pairs({(1, 1): 3.0, (1, 2): 1.0}), pairs({(1, 1): 2.0, (2, 2): 5.0}))
    assert list(zip(both.first.tolist(), both.second.tolist(), both.cost.tolist(), strict=True)) == [
        (1, 1, 2.0),
        (1, 2, 1.0),
        (2, 2, 5.0),
    ]
