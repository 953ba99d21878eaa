"""Tiles from the ranking to the labels, through a real server; the phantom's sections are larger than a tile."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from annotation import published, server
from annotation.client import LabelStudio
from annotation.project import connect, find_project
from annotation.regions import parse_regions
from annotation.server import Server
from annotation.spots import is_spot
from flows.config import RankingConfig
from flows.ingesting import ingest_submissions
from flows.initialise import init_run
from flows.proofreading import answer_by_oracle, publish_tasks, rank_pool
from flows.runs import Run
from flows.training_set import training_blocks
from loop.answer_events import GoldAnswered, SectionLabelled
from loop.events import Evaluated, Gated, Ingested, Predicted, Published, Ranked, Trained
from loop.gate import decide
from loop.labels import read_section
from loop.metrics import Agreement
from loop.phantom import make_phantom, write_phantom
from loop.places import Place, Tile
from loop.predictions import PredictionStore
from tests.flows.conftest import quick_config

TILE_PX, MARGIN_PX = 96, 16


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run whose model blurs the true membranes and half sees one wall; ranked and published in tiles."""
    folder = tmp_path_factory.mktemp("tiles")
    write_phantom(folder / "wide.h5", make_phantom((14, 200, 300), seed=5))
    config = quick_config(folder / "wide.h5")
    ranking = RankingConfig(unit="tile", tile_px=TILE_PX, margin_px=MARGIN_PX, tasks_per_iteration=4)
    run = init_run(folder / "run", config.model_copy(update={"ranking": ranking}))
    predict(run, iteration=1)
    rank_pool(run)
    publish_tasks(run)
    yield run
    server.down(run.folder.annotation)


def predict(run: Run, *, iteration: int) -> None:
    """Bring the run to where a model was promoted that sees the true membranes as far as 0.6 in a corner of each."""
    sections = sorted([*run.sections["pool"], *run.sections["holdout"]])
    store = PredictionStore.create(
        run.folder.iteration(iteration) / "prediction.zarr", shape=run.image.shape, voxel_size_nm_zyx=None
    )
    for z in sections:
        membrane = (run.labels.section(z) == 0).astype(np.float32)
        membrane[:70, :80] *= 0.6
        store.write(z, membrane[np.newaxis], np.zeros_like(membrane)[np.newaxis])
    measured = Agreement(voi_split=1, voi_merge=0, adapted_rand_error=0, precision=1, recall=1, dice=1)
    for event in (
        Trained(iteration=iteration, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0),
        Predicted(iteration=iteration, store=run.folder.relative(store.path), sections=sections, seconds=1.0),
        Evaluated(iteration=iteration, mean=measured, sections={}),
        Gated(iteration=iteration, decision=decide({0: measured}, None)),
    ):
        run.ledger.append(event)


def chosen(run: Run) -> list[tuple[Place, Tile]]:
    places = run.ledger.finished(Ranked, 1).chosen
    return [(place, place.tile) for place in places if place.tile is not None]


def painted(shape: tuple[int, ...], tile: Tile) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[tile.window] = True
    return mask


def test_tiles_lie_around_the_doubt_and_no_two_show_the_same(asked: Run) -> None:
    tiles = chosen(asked)
    assert len(tiles) == 4
    assert all(tile.height_px == tile.width_px == TILE_PX for _, tile in tiles)
    assert all(tile.y_px < 40 and tile.x_px < 40 for _, tile in tiles[:2])
    for number, (place, _) in enumerate(tiles):
        assert not any(place.shows_the_same(other, min_distance_sections=2) for other, _ in tiles[:number])
    reason = asked.ledger.finished(Ranked, 1).reason(tiles[0][0])
    assert "The model is unsure along" in reason
    assert "labelled" in reason


def test_a_task_shows_the_tile_with_context_its_own_outlines_and_the_doubtful_spots(asked: Run) -> None:
    place, tile = chosen(asked)[0]
    number = asked.ledger.finished(Published, 1).tasks[place]
    with connect(server.up(asked.folder.annotation)) as client:
        task = client.tasks.get(str(number))
        (prediction,) = client.predictions.list(task=number)
    frame = published.load(asked.folder.annotation, place.z, 1, tile=tile).frame
    assert frame is not None
    assert (task.data["tile"], task.data["picture"]) == (list(tile), list(frame.picture))
    assert frame.picture.overlaps(Tile(tile.y_px + TILE_PX + MARGIN_PX - 1, tile.x_px, 1, 1))
    assert task.data["title"].startswith(f"Section {place.z}, iteration 1: rows {tile.y_px} to {tile.y_px + 95}")
    result = [dict(region) for region in prediction.result]
    spots = [region for region in result if is_spot(region)]
    assert 1 <= len(spots) <= 3
    assert all(region["readonly"] for region in spots)
    regions, faults = parse_regions(
        [region for region in result if not is_spot(region)], (frame.picture.height_px, frame.picture.width_px)
    )
    assert not faults
    corner = np.array([tile.x_px - frame.picture.x_px, tile.y_px - frame.picture.y_px])
    points = np.concatenate([region.points for region in regions]) - corner
    assert (points.min(), points.max()) == (pytest.approx(0, abs=1e-3), pytest.approx(TILE_PX, abs=1e-3))


def next_task(client: LabelStudio, running: Server) -> int:
    """Ask as the page does that an annotator works on."""
    project = find_project(client, running.project)
    headers = {"Authorization": f"Token {running.token()}"}
    return int(httpx.get(f"{running.url}/api/projects/{project}/next", headers=headers).json()["id"])


def test_tiles_are_served_by_rank_and_what_comes_back_counts_inside_them_alone(asked: Run) -> None:
    tiles, tasks = chosen(asked), asked.ledger.finished(Published, 1).tasks
    running = server.up(asked.folder.annotation)
    with connect(running) as client:
        for place, _ in tiles[:2]:
            number = next_task(client, running)
            assert number == tasks[place]
            (prediction,) = client.predictions.list(task=number)
            client.annotations.create(number, result=[dict(region) for region in prediction.result], lead_time=9.0)
        assert next_task(client, running) == tasks[tiles[2][0]]
    answer_by_oracle(asked)
    ingest_submissions(asked)
    closed = asked.ledger.finished(Ingested, 1)
    assert set(closed.sections) == {place for place, _ in tiles}

    versions: dict[Place, SectionLabelled] = asked.ledger.answered()
    for rank, (place, tile) in enumerate(tiles):
        event = versions[place]
        held = read_section(asked.folder.labels / event.file, event.sha256)
        assert np.array_equal(held.counted, painted(held.labels.shape, tile))
        assert not held.labels[~held.counted].any()
        before = published.load(running.directory, place.z, 1, tile=tile)
        assert before.frame is not None
        truth = asked.labels.section(place.z)[tile.window]
        if rank < 2:  # submitted as they were: the very pixels of the pre-annotation
            assert np.array_equal(held.labels, before.frame.placed(before.labels))
            assert event.correction is not None
            assert event.correction.effort is not None
            assert event.correction.effort.pixels_changed == 0
        else:
            assert ((held.labels[tile.window] > 0) == (truth > 0)).mean() > 0.9


def test_a_model_learns_from_the_tiles_and_the_rest_of_the_section_stays_in_the_pool(asked: Run) -> None:
    tiles = chosen(asked)
    assert {place.z for place, _ in tiles} <= set(asked.unlabelled_pool())
    counted = {place.z: sum(np.prod(tile[2:]) for other, tile in tiles if other.z == place.z) for place, _ in tiles}
    found = [int(section.sum()) for block in training_blocks(asked) for section in block.annotated if section.any()]
    whole = asked.image.shape[1] * asked.image.shape[2]
    assert sorted(found) == sorted([whole] * 4 + [int(px) for px in counted.values()])

    predict(asked, iteration=2)
    rank_pool(asked)
    again = asked.ledger.finished(Ranked, 2).chosen
    assert again
    assert not set(again) & {place for place, _ in tiles}


def test_tiles_are_repeated_blindly_and_those_of_known_truth_measure_annotators(asked: Run) -> None:
    annotation = asked.config.annotation.model_copy(update={"repeat_share": 0.25, "gold_share": 0.25})
    run = replace(asked, config=asked.config.model_copy(update={"annotation": annotation}))
    publish_tasks(run)
    made = run.ledger.finished(Published, 2)
    ((repeated, _),), ((known, task),) = made.repeats.items(), made.gold.items()
    assert repeated in {place for place, _ in chosen(run)}
    assert (known.z in run.sections["train"], known.tile is not None) == (True, True)
    assert known.tile is not None
    running = server.up(run.folder.annotation)
    planted = published.load(running.directory, known.z, 2, tile=known.tile)
    assert planted.frame is not None
    truth = run.labels.section(known.z)
    assert not np.array_equal(planted.labels > 0, planted.frame.clipped(planted.frame.cut(truth)) > 0)
    with connect(running) as client:
        reasons = {number: client.tasks.get(str(number)).data["reason"] for number in run.ledger.open_tasks(2)}
        of_gold = reasons.pop(task)
        assert "The model is unsure along" in of_gold
        assert of_gold not in reasons.values()
        assert reasons[made.repeats[repeated]] == run.ledger.finished(Ranked, 1).reason(repeated)
        for number in run.ledger.open_tasks(2):
            (prediction,) = client.predictions.list(task=number)
            picture = client.tasks.get(str(number)).data["picture"]
            spots: list[Any] = [region["value"] for region in map(dict, prediction.result) if is_spot(region)]
            assert all(0 <= spot[axis] <= 100 for spot in spots for axis in "xy")
            assert picture[2] <= TILE_PX + 2 * MARGIN_PX
            client.annotations.create(number, result=[dict(region) for region in prediction.result], lead_time=9.0)
    ingest_submissions(run)
    (scored,) = run.ledger.of_kind(GoldAnswered)
    assert (scored.section, scored.tile, scored.correction.task_id) == (known.z, known.tile, task)
    assert scored.published == scored.answered
    assert scored.published.only_first > 0
    assert {compared.section for compared in run.ledger.compared()} == {repeated.z}
    assert run.ledger.stage(Ingested, 2) is not None
