import numpy as np
import pytest

from annotation.boundaries import pieces_of
from annotation.ingest import ingest
from annotation.oracle import EMAIL, annotate
from annotation.publish import publish
from annotation.server import Server
from loop.errors import InputError
from tests.annotation.sections import cells, task


def test_a_perfect_pre_annotation_is_submitted_untouched(server: Server) -> None:
    numbers = publish(server, [task(2, 50), task(7, 50)])
    report = annotate(server, 50, cells)
    assert report.submitted == numbers
    assert (report.changed, report.added, report.deleted) == (0, 0, 0)
    submissions = [one for one in ingest(server, set()).submissions if one.iteration == 50]
    assert {one.annotator for one in submissions} == {EMAIL}
    for one in submissions:
        assert np.array_equal(one.labels, cells(one.z))
        assert 0 < one.lead_time_s <= report.seconds


def test_wrong_missing_and_false_objects_are_corrected(server: Server) -> None:
    truth = cells(3)
    sizes = np.bincount(truth.ravel())
    missing, grown, *_ = np.argsort(-sizes[1:]) + 1
    wrong = truth.copy()
    wrong[truth == missing] = 0
    rows = np.flatnonzero((truth == grown).any(axis=1))
    wrong[: (rows[0] + rows[-1]) // 2][truth[: (rows[0] + rows[-1]) // 2] == grown] = 0
    wrong[:10, :10] = 99
    publish(server, [task(3, 51, labels=wrong)])
    report = annotate(server, 51, cells)
    assert min(report.changed, report.added) >= 1
    (submission,) = [one for one in ingest(server, set()).submissions if one.iteration == 51]
    assert (submission.added, submission.deleted) == (report.added, report.deleted)
    corrected, true = pieces_of(submission.labels), pieces_of(truth)
    for piece in range(1, true.max() + 1):
        mask = true == piece
        if mask.sum() < 100:
            continue
        found = np.bincount(corrected[mask])[1:].argmax() + 1
        assert (mask & (corrected == found)).sum() / (mask | (corrected == found)).sum() > 0.9


def test_tasks_that_have_an_annotation_are_left_alone(server: Server) -> None:
    publish(server, [task(2, 52)])
    assert len(annotate(server, 52, cells).submitted) == 1
    assert not annotate(server, 52, cells).submitted


def test_an_iteration_without_tasks_is_no_work(server: Server) -> None:
    assert not annotate(server, 999, cells).submitted


def test_truth_of_another_shape_is_refused(server: Server) -> None:
    publish(server, [task(2, 53)])
    with pytest.raises(InputError, match="truth of shape"):
        annotate(server, 53, lambda z: cells(z)[1:])
