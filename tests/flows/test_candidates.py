import csv
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from flows.candidates import Pool, candidates_of
from flows.config import RankingConfig, RunConfig
from flows.consistency import Consistency
from flows.initialise import init_run
from flows.learning import evaluate_model, gate_model, predict_sections, train_model
from flows.proofreading import rank_pool
from flows.suggesting import suggest
from loop.errors import InputError
from loop.events import Ranked
from loop.minutes import Edits, minutes
from loop.places import Place, Tile
from loop.predictions import PredictionStore
from loop.ranking import NEEDS, STRATEGIES, TRACED, choose
from loop.ranking_words import WHY, StrategyName
from models.targets import membrane_target
from tracing.seeding import SeedingConfig

Planes = dict[int, NDArray[np.float32]]


def two_rooms(wall: float = 1.0) -> NDArray[np.float32]:
    """A membrane of two objects with a wall between them."""
    membrane = np.zeros((40, 40), np.float32)
    membrane[:, 18:22] = wall
    return membrane


def a_pool(membranes: Planes, **more: object) -> Pool:
    rng = np.random.default_rng(0)
    images = {z: rng.integers(60, 200, (40, 40)).astype(np.uint8) for z in range(100)}
    variance = dict.fromkeys(membranes, np.full((40, 40), 0.01, np.float32)).__getitem__
    return Pool(tuple(membranes), images.__getitem__, membranes.__getitem__, variance, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finds_in_a_pool_what_it_needs(strategy: StrategyName) -> None:
    membranes = {z: two_rooms(wall) for z, wall in zip((3, 6, 9), (1.0, 0.6, 0.9), strict=True)}
    earlier, found = dict.fromkeys(membranes, two_rooms(0.2)), dict.fromkeys(membranes, np.ones((40, 40)))
    traced = dict.fromkeys(TRACED, found.__getitem__)
    pool = a_pool(membranes, earlier=[earlier.__getitem__], traced=traced, labelled=(0,))
    ranking = RankingConfig(strategy=strategy)
    candidates = candidates_of(pool, ranking, seeding=SeedingConfig())
    assert candidates.places == (Place(3), Place(6), Place(9))
    assert {*NEEDS[strategy]} - {"embeddings"} <= {*candidates.scores}
    assert len(choose(strategy, candidates, 2, rng=np.random.default_rng(0), min_distance_sections=2)) == 2


def test_minutes_are_expected_from_objects_and_doubts() -> None:
    pool = a_pool({3: two_rooms(), 6: two_rooms(0.5)})
    costs = candidates_of(pool, RankingConfig(), seeding=SeedingConfig(threshold=0.4)).expected_minutes
    assert costs[0] == pytest.approx(minutes(Edits(objects=2, area_px=1600)))
    assert costs[1] > costs[0]
    free = candidates_of(pool, RankingConfig(per_minute=False), seeding=SeedingConfig())
    assert free.expected_minutes.tolist() == [1, 1]


def test_what_is_labelled_in_a_section_is_worth_nothing_there() -> None:
    pool = a_pool({3: two_rooms(0.5)}, tiles={3: [Tile(0, 0, 40, 20)]})
    ranking = RankingConfig(unit="tile", tile_px=96)
    known = candidates_of(pool, ranking, seeding=SeedingConfig()).scores["entropy"]
    unknown = candidates_of(a_pool({3: two_rooms(0.5)}), ranking, seeding=SeedingConfig()).scores["entropy"]
    assert known == pytest.approx(unknown / 2)


def test_a_blank_section_has_no_foreground() -> None:
    membranes = {z: two_rooms() for z in range(3, 9)}
    pool = a_pool(membranes)
    images = {z: pool.image(z) for z in membranes} | {5: np.zeros((40, 40), np.uint8)}
    blank = Pool(pool.sections, images.__getitem__, pool.membrane, pool.variance)
    foreground = candidates_of(blank, RankingConfig(strategy="random"), seeding=SeedingConfig()).scores["foreground"]
    assert foreground.tolist() == pytest.approx([0.1, 0.1, 0, 0.1, 0.1, 0.1])


def test_a_false_split_in_one_section_is_where_tracking_finds_a_fault(phantom: Path, tmp_path: Path) -> None:
    with h5py.File(phantom) as file:
        labels, size = file["labels"][:8], tuple(map(float, file["labels"].attrs["voxel_size_nm_zyx"]))
        shape = file["labels"].shape
    assert len(size) == 3
    membrane = membrane_target(labels, border_px=1).astype(np.float32)
    largest = labels[4] == np.bincount(labels[4].ravel())[1:].argmax() + 1
    rows, columns = np.nonzero(largest)
    cut = slice(rows.min(), rows.max() + 1), slice(int(columns.mean()) - 1, int(columns.mean()) + 2)
    membrane[4][cut] = 1
    store = PredictionStore.create(tmp_path / "p.zarr", shape=shape, voxel_size_nm_zyx=size)
    store.write(0, membrane, np.zeros_like(membrane))
    tracked = Consistency(
        image=f"{phantom}:raw",
        store=store,
        sections=range(8),
        size=size,
        folder=tmp_path / "axons",
        seeding=SeedingConfig(),
        tracing=RunConfig.model_fields["tracing"].get_default(call_default_factory=True),
        cache=tmp_path / "cache",
    )
    tracked.trace()
    faults = tracked.faults(4)
    assert faults[cut].mean() > 5 * faults.mean()
    assert tracked.change(4)[cut].mean() > 2 * tracked.change(6)[cut].mean()


def test_a_strategy_without_what_it_needs_is_refused_when_the_configuration_is_read(quick: RunConfig) -> None:
    parts = quick.model_dump()
    with pytest.raises(ValidationError, match="variants above 1"):
        RunConfig.model_validate(parts | {"ranking": {"strategy": "bald"}})
    data = parts["data"] | {"voxel_size_nm_zyx": None}
    with pytest.raises(ValidationError, match="voxel_size_nm_zyx"):
        RunConfig.model_validate(parts | {"ranking": {"strategy": "tracking"}, "data": data})


def test_the_sections_to_label_first_lie_along_the_stack(phantom: Path) -> None:
    found = suggest(f"{phantom}:raw", 3)
    assert len(found.sections) == 3
    assert found.looked_at == 14
    assert not {*found.sections} & {*found.damaged}


def test_a_volume_that_shows_nothing_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "black.h5", "w") as file:
        file["raw"] = np.zeros((3, 40, 40), np.uint8)
    with pytest.raises(InputError, match="no section is fit"):
        suggest(f"{tmp_path / 'black.h5'}:raw", 2)


def test_a_run_asks_by_its_strategy_says_why_and_keeps_the_whole_ranking(tmp_path: Path, quick: RunConfig) -> None:
    ranking = RankingConfig(tasks_per_iteration=2, strategy="combined")
    run = init_run(tmp_path / "run", quick.model_copy(update={"ranking": ranking}))
    for stage in (train_model, predict_sections, evaluate_model, gate_model, rank_pool):
        stage(run)
    ranked = run.ledger.finished(Ranked, 1)
    assert ranked.strategy == "combined"
    assert {*ranked.uncertainty} == {*ranked.expected_minutes} == {*ranked.objects} == {*ranked.chosen}
    assert ranked.reason(ranked.chosen[0]).startswith(WHY["combined"])
    with (run.folder.iteration(1) / "ranking.csv").open() as stream:
        rows = {int(row["place"]): row for row in csv.DictReader(stream)}
    assert list(rows) == list(run.sections["pool"])
    assert [int(rows[place.z]["chosen"]) for place in ranked.chosen] == [1, 2]
    assert all(0 <= float(row["change"]) <= 1 for row in rows.values())
