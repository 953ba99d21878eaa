"""From a changed task on a real server to the run's ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk import LabelStudio

from annotation import server
from annotation.project import connect
from annotation.publish import SectionTask, publish
from flows.ingesting import ingest_submissions
from flows.initialise import init_run
from flows.runs import Run
from flows.summarise import status_records, summarise
from loop.errors import ProofloopError
from loop.events import AnnotationDeleted, Ingested, Published, Ranked, Trained
from loop.iteration import position
from loop.uncertainty import Uncertainty
from tests.flows.conftest import quick_config


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, phantom: Path) -> Iterator[Run]:
    """A run whose server is up; each test publishes an iteration with sections of its own."""
    run = init_run(tmp_path_factory.mktemp("ingesting") / "run", quick_config(phantom))
    yield run
    server.down(run.folder.annotation)


@pytest.fixture
def client(asked: Run) -> Iterator[LabelStudio]:
    with connect(server.up(asked.folder.annotation)) as client:
        yield client


def ask(run: Run, *sections: int) -> list[int]:
    """Bring the run to where true sections lie before annotators in a new iteration; give their tasks."""
    iteration = sum(isinstance(event, Published) for event in run.ledger.events()) + 1
    chosen = [
        SectionTask(z, iteration, run.image.section(z), None, None, run.labels.section(z), "It is a test.", 0.5)
        for z in sections
    ]
    tasks = publish(server.up(run.folder.annotation), chosen)
    uncertainty = {z: Uncertainty(entropy_bits=0.1, disagreement=0.1) for z in sections}
    trained = Trained(iteration=iteration, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0)
    ranked = Ranked(iteration=iteration, chosen=list(sections), uncertainty=uncertainty, predicted_in=iteration)
    published = Published(iteration=iteration, tasks=dict(zip(sections, tasks, strict=True)))
    for event in (trained, ranked, published):
        run.ledger.append(event)
    return tasks


def submit(client: LabelStudio, task: int, *, without: int = 0, **fields: Any) -> int:
    """Submit the pre-annotation of a task without its first regions; give the annotation's id."""
    (prediction,) = client.predictions.list(task=task)
    result = [dict(region) for region in prediction.result][without:]
    return int(client.annotations.create(task, result=result, lead_time=60.0, **fields).id or 0)


def test_a_skipped_task_is_not_awaited_and_is_named(asked: Run, client: LabelStudio) -> None:
    first, second = ask(asked, 4, 7)
    submit(client, first)
    ingest_submissions(asked)
    assert asked.ledger.stage(Ingested, position(asked.ledger).iteration) is None
    submit(client, second, was_cancelled=True)
    ingest_submissions(asked)
    closed = asked.ledger.stage(Ingested, position(asked.ledger).iteration - 1)
    assert closed is not None
    assert (closed.sections, closed.skipped) == ([4], [7])
    assert 7 in asked.unlabelled_pool()
    (record,) = [one for one in status_records(summarise(asked)) if one["iteration"] == closed.iteration]
    assert (record["sections_ingested"], record["skipped"]) == (1, [7])
    assert record["minutes_per_section"] == 1.0
    (correction,) = record["corrections"]
    assert (correction["section"], correction["state"]) == (4, "used")
    assert correction["effort"]["pixels_changed"] == 0


def test_polling_without_a_change_writes_nothing(asked: Run, client: LabelStudio) -> None:
    first, second = ask(asked, 5, 8)
    submit(client, first)
    ingest_submissions(asked)
    before = asked.ledger.path.read_bytes()
    ingest_submissions(asked)
    assert asked.ledger.path.read_bytes() == before
    submit(client, second)
    ingest_submissions(asked)


def test_a_deleted_annotation_no_longer_counts_but_its_labels_are_kept(asked: Run, client: LabelStudio) -> None:
    first, second = ask(asked, 6, 9)
    older, newer = submit(client, first, without=1), submit(client, first)
    ingest_submissions(asked)
    counted = asked.ledger.labelled()[6]
    (compared,) = asked.ledger.compared()
    assert compared.annotation_ids == (older, newer)
    assert (compared.agreement.only_first, compared.agreement.only_second, compared.agreement.voi) == (0, 1, 0)
    used = [one for turn in summarise(asked).iterations for one in turn.corrected if one.z == 6]
    assert [(one.state, len(one.agreements)) for one in used] == [("kept", 0), ("used", 1)]
    assert counted.correction is not None
    assert counted.correction.annotation_id == newer
    for annotation, left in ((newer, older), (older, None)):
        client.annotations.delete(annotation)
        ingest_submissions(asked)
        held = asked.ledger.labelled().get(6)
        assert (held.correction.annotation_id if held and held.correction else None) == left
    assert (asked.folder.labels / counted.file).exists()
    assert len([event for event in asked.ledger.events() if isinstance(event, AnnotationDeleted)]) == 2
    for task in (first, second):
        submit(client, task)
    ingest_submissions(asked)
    assert asked.ledger.labelled().keys() >= {6, 9}


def test_an_answer_that_cannot_be_used_is_named_until_it_is_mended_even_to_a_section_found_unfit(
    asked: Run, client: LabelStudio
) -> None:
    (task,) = ask(asked, 10)
    annotation = submit(client, task, without=1000)
    for _ in range(2):
        with pytest.raises(ProofloopError, match=f"task {task}.*none of the"):
            ingest_submissions(asked)
    polled = asked.ledger.polled()
    assert polled is not None
    assert list(polled.refused) == [task]
    (prediction,) = client.predictions.list(task=task)
    verdict = {"id": "v", "type": "choices", "from_name": "verdict", "to_name": "section"}
    unfit = verdict | {"value": {"choices": ["Discard"]}}
    client.annotations.update(annotation, result=[*(dict(region) for region in prediction.result), unfit])
    ingest_submissions(asked)
    assert 10 in asked.ledger.labelled()
    assert 10 not in asked.ledger.trainable()
