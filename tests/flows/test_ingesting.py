"""From a changed task on a real server to the run's ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotation import server
from annotation.client import LabelStudio
from annotation.project import connect
from annotation.publish import SectionTask, publish
from flows.blind_tasks import gold, repeats
from flows.ingesting import close_iteration, ingest_submissions
from flows.initialise import init_run
from flows.labelling_server import server_of
from flows.reviewing import accept, check_review, return_to_annotators, waiting_answers
from flows.runs import Run
from flows.summarise import status_records, summarise
from loop.answer_events import AnnotationDeleted, ConsensusReached, GoldAnswered
from loop.errors import InputError, ProofloopError
from loop.events import Ingested, Published, Ranked, Trained
from loop.iteration import position
from loop.places import Place
from loop.uncertainty import Uncertainty
from loop.waiting import Patience
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


def ask(run: Run, *sections: int, again: Sequence[SectionTask] = (), known: Sequence[SectionTask] = ()) -> list[int]:
    """Bring the run to where true sections lie before annotators in a new iteration; give their tasks."""
    iteration = sum(isinstance(event, Published) for event in run.ledger.events()) + 1
    chosen = [
        SectionTask(z, iteration, run.image.section(z), None, None, run.labels.section(z), "It is a test.", 0.5)
        for z in sections
    ]
    tasks = publish(server_of(run), [*chosen, *again, *known])
    numbers = iter(tasks)
    places = [Place(z) for z in sections]
    uncertainty = {place: Uncertainty(entropy_bits=0.1, disagreement=0.1) for place in places}
    trained = Trained(iteration=iteration, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0)
    ranked = Ranked(iteration=iteration, chosen=places, uncertainty=uncertainty, predicted_in=iteration)
    published = Published(
        iteration=iteration,
        tasks={place: next(numbers) for place in places},
        repeats={task.place: next(numbers) for task in again},
        gold={task.place: next(numbers) for task in known},
    )
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
    assert (closed.sections, closed.skipped) == ([Place(4)], [Place(7)])
    assert 7 not in asked.unlabelled_pool()  # it rests for an iteration
    (record,) = [one for one in status_records(summarise(asked)) if one["iteration"] == closed.iteration]
    assert (record["sections_ingested"], record["skipped"]) == (1, [7])
    assert record["minutes_per_section"] == 1.0
    (correction,) = record["corrections"]
    assert (correction["section"], correction["state"]) == (4, "used")
    assert correction["effort"]["pixels_changed"] == 0
    asked.ledger.append(Ingested(iteration=closed.iteration, sections=[Place(4)]))
    assert 7 in asked.unlabelled_pool()


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


def test_an_answer_that_cannot_be_used_goes_back_once_then_is_named_until_it_is_mended(
    asked: Run, client: LabelStudio
) -> None:
    (task,) = ask(asked, 10)
    (prediction,) = client.predictions.list(task=task)
    submit(client, task, without=1000)
    with pytest.raises(ProofloopError, match=f"(?s)task {task}.*none of the.*task {task} went back"):
        ingest_submissions(asked)
    (shown,) = client.predictions.list(task=task)
    assert shown.result == prediction.result
    assert "choose Discard" in client.tasks.get(str(task)).data["reason"]
    annotation = submit(client, task, without=1000)
    for _ in range(2):
        with pytest.raises(ProofloopError, match=f"task {task}.*none of the"):
            ingest_submissions(asked)
    polled = asked.ledger.polled()
    assert polled is not None
    assert list(polled.refused) == [task]
    verdict = {"id": "v", "type": "choices", "from_name": "verdict", "to_name": "section"}
    unfit = verdict | {"value": {"choices": ["Discard"]}}
    client.annotations.update(annotation, result=[*(dict(region) for region in prediction.result), unfit])
    ingest_submissions(asked)
    assert 10 in asked.ledger.labelled()
    assert 10 not in asked.ledger.trainable()


def test_a_refused_region_goes_back_with_all_other_work_and_the_work_counts_meanwhile(
    asked: Run, client: LabelStudio
) -> None:
    (task,) = ask(asked, 9)
    (prediction,) = client.predictions.list(task=task)
    result = [dict(region) for region in prediction.result]
    dragged = {**result[1], "value": result[1]["value"] | {"points": [[x + 3, y] for x, y in points_of(result[1])]}}
    client.annotations.create(task, result=[dragged, *result[2:]], lead_time=60.0)
    with pytest.raises(ProofloopError, match=f"(?s){result[1]['id']}: Object.*the whole outline.*went back"):
        ingest_submissions(asked)
    assert "Object" in client.tasks.get(str(task)).data["reason"]
    (shown,) = client.predictions.list(task=task)
    assert {region["id"]: region for region in shown.result} == {region["id"]: region for region in result[1:]}
    counted = asked.ledger.labelled()[9]
    assert list(asked.ledger.open_tasks(position(asked.ledger).iteration)) == [task]
    submit(client, task)
    ingest_submissions(asked)
    answers = [event for event in asked.ledger.in_force() if event.correction and event.correction.task_id == task]
    assert answers == [asked.ledger.labelled()[9]] != [counted]


def test_with_review_required_only_accepted_answers_train_and_the_iteration_waits(
    asked: Run, client: LabelStudio
) -> None:
    annotation = asked.config.annotation.model_copy(update={"review": "required"})
    run = replace(asked, config=asked.config.model_copy(update={"annotation": annotation}))
    first, second = ask(run, 5, 8)
    iteration = position(run.ledger).iteration
    kept, edited = submit(client, first), submit(client, second, without=2)
    answered = [region["id"] for region in client.annotations.get(edited).result]
    ingest_submissions(run)
    before = run.ledger.trainable()
    assert [answer.correction.annotation_id for answer in waiting_answers(run)][-2:] == [kept, edited]
    for accepted, sent_back in (([first, first], first), ([first], 10**6)):
        with pytest.raises(InputError, match=f"task {sent_back}"):
            check_review(run, accepted, sent_back)
    accept(run, first, by="reviewer@lab.example")
    assert run.ledger.trainable()[5] != before.get(5)
    assert list(run.ledger.open_tasks(iteration)) == [second]

    return_to_annotators(run, second, reason="The lower wall is missing.", by="reviewer@lab.example")
    assert client.tasks.get(str(second)).data["reason"] == "Sent back by the reviewer: The lower wall is missing."
    (shown,) = client.predictions.list(task=second)
    assert [region["id"] for region in shown.result] == answered
    assert edited not in {e.correction.annotation_id for e in run.ledger.in_force() if e.correction}
    assert edited in {e.correction.annotation_id for e in run.ledger.corrections() if e.correction}
    with pytest.raises(InputError, match=f"task {second} has no answer to review"):
        accept(run, second, by="reviewer@lab.example")

    mended = submit(client, second)
    ingest_submissions(run)
    assert mended in {answer.correction.annotation_id for answer in waiting_answers(run)}
    accept(run, second, by="reviewer@lab.example")
    ingest_submissions(run)
    assert position(run.ledger).iteration == iteration + 1
    assert run.ledger.trainable()[8][-1].correction == run.ledger.labelled()[8].correction


def test_blind_repeats_and_gold_tasks_measure_annotators_and_gold_never_trains(asked: Run, client: LabelStudio) -> None:
    shares = {"repeat_share": 0.5, "gold_share": 0.5, "several": "consensus"}
    annotation = asked.config.annotation.model_copy(update=shares)
    run = replace(asked, config=asked.config.model_copy(update={"annotation": annotation}))
    iteration = position(run.ledger).iteration
    model = SectionTask(10, iteration, run.image.section(10), None, None, run.labels.section(10), "It is a test.", 0.5)
    (again,), (known,) = repeats(run, server.up(run.folder.annotation), [model]), gold(run, [model])
    assert again.z in run.ledger.labelled()
    assert known.reason == model.reason
    ask(run, 10, again=[again], known=[known])
    tasks = run.ledger.open_tasks(iteration)
    assert {place.z for place in tasks.values()} == {10, again.z, known.z}
    truth_of_gold = run.ledger.trainable()[known.z]
    for task in tasks:
        submit(client, task, without=1)
    ingest_submissions(run)
    assert position(run.ledger).iteration == iteration + 1
    (turn,) = [turn for turn in summarise(run).iterations if turn.iteration == iteration]
    assert turn.sections_ingested == len(turn.chosen) == 1
    assert turn.human_minutes == 3.0  # of the task, its repeat and the one of known truth
    (scored,) = run.ledger.of_kind(GoldAnswered)
    assert (scored.section, scored.answered.only_first > scored.published.only_first) == (known.z, True)
    assert run.ledger.trainable()[known.z] == truth_of_gold
    assert again.z in {compared.section for compared in run.ledger.compared()}
    (agreed,) = [event for event in run.ledger.of_kind(ConsensusReached) if event.section == again.z]
    assert run.ledger.trainable()[again.z][-1].file == agreed.file
    of_both = [one.state for turn in summarise(run).iterations for one in turn.corrected if one.z == again.z]
    assert of_both == ["used", "used"]


def points_of(region: dict[str, Any]) -> list[list[float]]:
    points: list[list[float]] = region["value"]["points"]
    return points


def test_a_task_deleted_in_label_studio_is_said_and_its_section_is_free_again(asked: Run, client: LabelStudio) -> None:
    first, second = ask(asked, 8, 10)
    submit(client, first)
    client.tasks.delete(str(second))
    with pytest.raises(ProofloopError, match=f"task {second} was deleted in Label Studio; section 10 is free"):
        ingest_submissions(asked)
    closed = asked.ledger.stage(Ingested, position(asked.ledger).iteration - 1)
    assert closed is not None
    assert (closed.sections, closed.skipped) == ([Place(8), Place(10)], [])  # an earlier task has an answer to 10


def test_what_an_iteration_went_on_without_is_taken_in_when_it_comes(asked: Run, client: LabelStudio) -> None:
    first, late, never = ask(asked, 4, 6, 9)
    iteration = position(asked.ledger).iteration
    submit(client, first, without=1)
    ingest_submissions(asked)
    close_iteration(asked)
    closed = asked.ledger.stage(Ingested, iteration)
    assert closed is not None
    assert closed.left_open == [late, never]
    assert {Place(6), Place(9)} <= asked.resting()  # with annotators: not to be asked for again
    submit(client, late, without=2)
    (task,) = ask(asked, 5)
    submit(client, task)
    ingest_submissions(asked)
    assert asked.ledger.stage(Ingested, iteration + 1) is not None
    newest = asked.ledger.corrections()[-2:]
    assert {(e.section, e.correction.iteration) for e in newest if e.correction} == {(6, iteration), (5, iteration + 1)}
    assert 6 in asked.ledger.trainable()
    assert asked.ledger.left_open() == {never: Place(9)}


def test_at_the_deadline_a_look_goes_on_with_what_is_there_and_starts_one_turn(
    asked: Run, client: LabelStudio, prefect_server: None
) -> None:
    from prefect.client.orchestration import get_client

    from flows.serving.deploy import deployments
    from flows.serving.deployed import ingest_run
    from flows.serving.dispatching import name_of

    for deployment in deployments(asked, asked.config.serving, asked.config.waiting):
        deployment.apply()
    here, missing = ask(asked, 7, 10)
    iteration = position(asked.ledger).iteration
    root = asked.folder.root
    soon, later = Patience(deadline_days=1e-6, at_least=1), Patience(deadline_days=30, at_least=1)
    assert ingest_run(root, soon).startswith("0 of 2 tasks answered")  # nothing came: the deadline alone does not do
    submit(client, here, without=1)
    assert ingest_run(root, later) == "1 of 2 tasks answered, 1 new corrections"
    assert ingest_run(root, soon) == f"iteration {iteration + 1} is started"
    assert ingest_run(root, soon) == f"iteration {iteration + 1} is under way"
    closed = asked.ledger.stage(Ingested, iteration)
    assert closed is not None
    assert (Place(7) in closed.sections, closed.left_open) == (True, [missing])
    with get_client(sync_client=True) as api:
        turns = [one for one in api.read_flow_runs() if f"iteration-{iteration + 1}" in one.tags]
    assert [one.idempotency_key for one in turns] == [f"{name_of(asked)}-iteration-{iteration + 1}-1"]
