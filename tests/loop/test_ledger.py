from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loop.answer_events import (
    Accepted,
    AnnotationDeleted,
    ConsensusReached,
    Correction,
    Polled,
    SectionLabelled,
    SentBack,
    TaskDeleted,
)
from loop.errors import IllegalTransition, InputError
from loop.events import Event, Gated, Ingested, Predicted, Published, RunCreated, Trained
from loop.gate import GateDecision
from loop.iteration import Position, Stage, position, require
from loop.ledger import Ledger
from loop.places import Place, Tile

CREATED = RunCreated(holdout_images={9: "a"}, holdout_labels={9: "b"})


def trained(iteration: int) -> Trained:
    return Trained(iteration=iteration, checkpoint="c", sha256="s", sections=[0], final_loss=0.1, seconds=1.0)


def labelled(section: int, file: str) -> SectionLabelled:
    return SectionLabelled(section=section, file=file, sha256="h", correction=None)


@settings(deadline=None)  # every event waits for the disk
@given(st.lists(st.sampled_from([CREATED, trained(1), labelled(3, "f"), labelled(4, "g")])))
def test_events_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("run") / "ledger.jsonl")
    for event in events:
        ledger.append(event)
    assert ledger.events() == events


def test_many_sections_are_stored_as_ranges_and_lists_of_older_versions_are_read(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    event = Predicted(iteration=1, store="s", sections=[*range(1000), 1200], seconds=1.0)
    ledger.append(event)
    line = ledger.path.read_text()
    assert '"sections":"0:1000,1200:1201"' in line
    ledger.path.write_text(line + line.replace('"0:1000,1200:1201"', "[4, 5]"))
    assert [found.sections for found in ledger.of_kind(Predicted)] == [event.sections, [4, 5]]


@pytest.mark.parametrize("written", ["4", "4:x", "4:5,", "four:five"])
def test_sections_that_cannot_be_understood_are_refused(tmp_path: Path, written: str) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(Predicted(iteration=1, store="s", sections=[4], seconds=1.0))
    ledger.path.write_text(ledger.path.read_text().replace("4:5", written))
    with pytest.raises(InputError, match="line 1"):
        ledger.events()


def test_a_torn_last_line_is_passed_over_and_cut_off_by_the_next_event(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(CREATED)
    with ledger.path.open("ab") as stream:
        stream.write(b'{"kind": "trai')
    assert ledger.events() == [CREATED]
    ledger.append(trained(1))
    assert [type(event) for event in ledger.events()] == [RunCreated, Trained]


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.path.write_text('{"kind": "nonsense"}\n')
    with pytest.raises(InputError, match="line 1"):
        ledger.events()


def test_the_newest_labels_of_a_section_win(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for file in ("old", "new"):
        ledger.append(labelled(3, file))
        assert ledger.labelled()[3].file == file


def corrected(section: int, annotation: int, file: str) -> SectionLabelled:
    correction = Correction(
        iteration=1,
        task_id=section,
        annotation_id=annotation,
        annotator="a@b.c",
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        lead_time_s=60,
        model_sha256="m",
        result_sha256=file,
        regions_kept=1,
        regions_changed=0,
        regions_added=0,
        regions_deleted=0,
    )
    return SectionLabelled(section=section, file=file, sha256="h", correction=correction)


def test_a_deleted_annotation_gives_way_to_the_newest_that_is_left(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for event in (corrected(3, 7, "a"), corrected(3, 8, "b"), corrected(3, 8, "c"), corrected(4, 9, "d")):
        ledger.append(event)
    assert [event.file for event in ledger.in_force()] == ["a", "c", "d"]
    ledger.append(AnnotationDeleted(section=3, task_id=3, annotation_id=8))
    assert ledger.labelled()[3].file == "a"
    ledger.append(AnnotationDeleted(section=4, task_id=4, annotation_id=9))
    assert list(ledger.labelled()) == [3]
    assert len(ledger.corrections()) == 4


def test_a_section_found_unfit_is_labelled_but_not_learnt_from(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    good, unfit = labelled(3, "a"), corrected(4, 9, "b")
    assert unfit.correction is not None
    discarded = unfit.correction.model_copy(update={"discarded": True})
    for event in (good, unfit.model_copy(update={"correction": discarded})):
        ledger.append(event)
    assert list(ledger.labelled()) == [3, 4]
    assert list(ledger.trainable()) == [3]


def test_tiles_stand_beside_each_other_and_give_way_to_a_newer_whole_section(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    left, right = Tile(0, 0, 8, 8), Tile(0, 8, 8, 8)
    versions = [(left, 7, "a"), (right, 8, "b"), (left, 9, "c")]
    for tile, annotation, file in versions:
        ledger.append(corrected(3, annotation, file).model_copy(update={"tile": tile}))
    assert [(str(place), event.file) for place, event in ledger.answered().items()] == [
        ("3[0:8,8:16]", "b"),
        ("3[0:8,0:8]", "c"),
    ]
    assert [event.file for event in ledger.trainable()[3]] == ["b", "c"]
    ledger.append(labelled(3, "whole"))
    assert [event.file for event in ledger.trainable()[3]] == ["whole"]
    assert len(ledger.in_force()) == 4


def test_ledgers_of_older_versions_name_sections_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(
        '{"kind": "publish", "iteration": 1, "tasks": {"51": 4}, "at": "2026-01-01T00:00:00Z"}\n'
        '{"kind": "ingest", "iteration": 1, "sections": [51], "at": "2026-01-01T00:00:00Z"}\n'
    )
    assert Ledger(path).finished(Published, 1).tasks == {Place(51): 4}
    assert Ledger(path).finished(Ingested, 1).sections == [Place(51)]


def test_a_look_at_the_annotators_server_does_not_move_the_iteration(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(trained(1))
    polled = Polled(seen_until=datetime(2026, 1, 1, tzinfo=UTC), skipped=[4], refused={5: "empty"})
    ledger.append(polled)
    assert ledger.polled() == polled
    assert position(ledger) == Position(1, Stage.PREDICT)


def test_the_ledger_alone_says_which_stage_comes_next(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(CREATED)
    assert position(ledger) == Position(1, Stage.TRAIN)
    ledger.append(trained(1))
    assert position(ledger) == Position(1, Stage.PREDICT)
    ledger.append(Ingested(iteration=1, sections=[]))
    assert position(ledger) == Position(2, Stage.TRAIN)


def test_a_stage_out_of_order_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert require(ledger, Stage.TRAIN) == 1
    with pytest.raises(IllegalTransition, match="goes on with train"):
        require(ledger, Stage.PUBLISH)


def test_a_stage_is_found_by_its_iteration(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    gated = Gated(iteration=2, decision=GateDecision(promoted=False, reason="worse"))
    for event in (trained(1), trained(2), gated):
        ledger.append(event)
    assert ledger.stage(Gated, 2) == gated
    assert ledger.stage(Predicted, 2) is None


def test_asking_for_a_stage_that_is_not_finished_is_refused_by_name(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(trained(1))
    assert ledger.finished(Trained, 1).iteration == 1
    with pytest.raises(IllegalTransition, match="iteration 2 has no record of kind Trained"):
        ledger.finished(Trained, 2)


def test_a_reader_sees_what_another_appended_and_a_file_that_took_its_place(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "ledger.jsonl"), Ledger(tmp_path / "ledger.jsonl")
    one.append(CREATED)
    assert other.events() == [CREATED]
    one.append(trained(1))
    assert other.events() == [CREATED, trained(1).model_copy(update={"at": one.events()[1].at})]
    restored = tmp_path / "backup.jsonl"
    Ledger(restored).append(labelled(3, "f"))
    restored.replace(one.path)
    assert [type(event) for event in other.events()] == [SectionLabelled]


def test_a_sent_back_answer_counts_until_the_next_one_unless_a_reviewer_sent_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for event in (corrected(3, 7, "a"), corrected(4, 8, "b")):
        ledger.append(event)
    back = SentBack(section=3, task_id=3, annotation_id=7, reason="look again", by="proofloop", usable=True)
    ledger.append(back)
    ledger.append(back.model_copy(update={"section": 4, "task_id": 4, "annotation_id": 8, "usable": False}))
    assert [event.file for event in ledger.in_force()] == ["a"]
    for event in (corrected(3, 9, "c"), corrected(4, 10, "d")):
        ledger.append(event)
    assert [event.file for event in ledger.in_force()] == ["c", "d"]


def test_an_answer_that_must_be_reviewed_trains_once_it_is_accepted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for event in (labelled(3, "given"), corrected(3, 7, "answer")):
        source = event.correction
        waiting = source.model_copy(update={"review_required": True}) if source else None
        ledger.append(event.model_copy(update={"correction": waiting}))
    assert ledger.trainable()[3][-1].file == "given"
    assert [event.file for event in ledger.unreviewed()] == ["answer"]
    ledger.append(Accepted(section=3, annotation_id=7, file="answer", by="r@lab.example"))
    assert ledger.trainable()[3][-1].file == "answer"
    assert not ledger.unreviewed()


def test_a_consensus_counts_while_exactly_its_annotations_do(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for event in (corrected(3, 7, "a"), corrected(3, 8, "b")):
        ledger.append(event)
    ledger.append(ConsensusReached(section=3, files=["a", "b"], file="both", sha256="s"))
    assert ledger.trainable()[3][-1].file == "both"
    ledger.append(AnnotationDeleted(section=3, task_id=3, annotation_id=7))
    assert ledger.trainable()[3][-1].file == "b"


def test_a_deleted_task_is_no_longer_open(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(
        Published(iteration=1, tasks={Place(3): 30, Place(4): 40}, repeats={Place(5): 50}, gold={Place(6): 60})
    )
    assert {task: place.z for task, place in ledger.open_tasks(1).items()} == {30: 3, 40: 4, 50: 5, 60: 6}
    ledger.append(TaskDeleted(section=4, task_id=40))
    assert list(ledger.open_tasks(1)) == [30, 50, 60]
