import itertools
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from tracing.tracking_assignment import assign
from tracing.tracking_costs import Candidates, LinkCosts, Seen, candidates
from tracing.tracking_objects import measured


def pairs(costs: dict[tuple[int, int], float]) -> Candidates:
    first, second = np.array(list(costs), np.int64).reshape(-1, 2).T
    return Candidates(first, second, np.array(list(costs.values()), float), np.ones(len(costs)))


def chosen(costs: dict[tuple[int, int], float], counts: tuple[int, int], ending: float) -> set[tuple[int, int]]:
    links = assign(pairs(costs), counts, ending=ending).links
    return set(zip(links.first.tolist(), links.second.tolist(), strict=True))


def test_the_cheapest_pairs_together_win_over_the_cheapest_pair() -> None:
    costs = {(1, 1): 1.0, (1, 2): 1.5, (2, 1): 1.5, (2, 2): 9.0}
    assert chosen(costs, (2, 2), 5) == {(1, 2), (2, 1)}


def test_an_object_ends_rather_than_take_a_link_dearer_than_end_and_beginning() -> None:
    assert chosen({(1, 1): 3.9}, (1, 1), 2) == {(1, 1)}
    assert chosen({(1, 1): 4.1}, (1, 1), 2) == set()


def test_without_candidates_there_are_no_links() -> None:
    assert chosen({}, (3, 0), 2) == set()


def test_a_link_without_cost_is_a_link() -> None:
    assert chosen({(1, 1): 0.0}, (1, 1), 2) == {(1, 1)}


@pytest.mark.parametrize("seed", range(8))
def test_the_total_is_the_least_of_all_choices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = {(i, j): float(rng.uniform(0, 6)) for i in range(1, 5) for j in range(1, 4) if rng.random() < 0.7}
    ending = 1.5

    def total(links: set[tuple[int, int]]) -> float:
        return sum(costs[link] for link in links) + ending * (4 + 3 - 2 * len(links))

    best = min(
        total(set(some))
        for n in range(4)
        for some in itertools.combinations(costs, n)
        if len({i for i, _ in some}) == n and len({j for _, j in some}) == n
    )
    assert total(chosen(costs, (4, 3), ending)) == pytest.approx(best)


def test_the_margin_is_the_lead_over_the_second_best_or_over_ending() -> None:
    found = assign(pairs({(1, 1): 1.0, (1, 2): 2.5, (3, 3): 0.5}), (3, 3), ending=3)
    margins: NDArray[np.float64] = found.margin
    assert dict(zip(found.links.first.tolist(), margins.tolist(), strict=True)) == pytest.approx({1: 1.5, 3: 5.5})


def grid_of_cells(side: int) -> Candidates:
    """Candidates of `side` x `side` cells and the same cells renamed and moved by a third of their width."""
    n = side * side
    cells = np.kron(np.arange(1, n + 1).reshape(side, side), np.ones((16, 16))).astype(np.int32)
    cells[::16], cells[:, ::16] = 0, 0
    names = np.append(0, 1 + np.random.default_rng(0).permutation(n)).astype(np.int32)
    later = np.roll(names[cells], (5, 3), (0, 1))
    grey = np.zeros(cells.shape, np.float32)
    first, second = (Seen(plane, measured(plane, grey, n)) for plane in (cells, later))
    return candidates(first, second, LinkCosts(), pixel_nm=12)


def test_ten_times_the_objects_make_ten_times_the_candidates() -> None:
    few, many = len(grid_of_cells(10).cost), len(grid_of_cells(32).cost)
    assert many <= 12 * few


def test_five_thousand_objects_are_assigned_within_a_second() -> None:
    pairs = grid_of_cells(71)
    began = time.process_time()
    found = assign(pairs, (71 * 71, 71 * 71), ending=LinkCosts().ending)
    assert time.process_time() - began < 1
    assert len(found.links.cost) > 0.97 * 71 * 71
