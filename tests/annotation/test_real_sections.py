"""Real EM labels, where the development data lies beside the checkout; they are never part of the project.

Two sections by default; all hundred (two minutes) with PROOFLOOP_ALL_SECTIONS=1.
"""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from annotation.boundaries import pieces_of
from annotation.contours import contours_of
from annotation.ingest import ingest
from annotation.oracle import annotate
from annotation.publish import SectionTask, publish
from annotation.rasterising import paint
from annotation.server import Server

DATA = Path(os.environ.get("PROOFLOOP_DATA", Path(__file__).parents[3] / "shared" / "data")) / "snemi3d_ac4_ds2.h5"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
SECTIONS = range(100) if os.environ.get("PROOFLOOP_ALL_SECTIONS") else (0, 51)


def labels_of(z: int) -> NDArray[np.uint32]:
    with h5py.File(DATA) as file:
        return np.asarray(file["labels"][z], np.uint32)


@pytest.mark.parametrize("z", SECTIONS)
def test_every_contour_covers_its_piece_and_touching_neighbours_have_no_gap(z: int) -> None:
    labels = labels_of(z)
    pieces = pieces_of(labels)
    contours = contours_of(labels)
    count = len(contours) + 1
    painted = paint([one.points for one in contours], np.arange(1, count, dtype=np.uint32), (512, 512))
    pairs = np.bincount((pieces * np.int64(count) + painted).ravel(), minlength=count * count).reshape(count, count)
    common = pairs.diagonal()[1:]
    iou = common / (pairs.sum(axis=0)[1:] + pairs.sum(axis=1)[1:] - common)
    assert len(contours) == pieces.max()
    assert iou.min() >= 0.97  # .98 each by itself; painted together, contours that cross take pixels from each other
    assert np.mean([len(one.points) for one in contours]) < 35
    assert np.mean([len(one.points) > 120 for one in contours]) < 0.02


def test_untouched_sections_come_back_pixel_identical_through_the_server(server: Server) -> None:
    with h5py.File(DATA) as file:
        raw = np.asarray(file["raw"][:2])
    tasks = [SectionTask(z, 40, raw[0], None, raw[1], labels_of(z), "Real EM.", 0.1) for z in SECTIONS]
    publish(server, tasks)
    annotate(server, 40, labels_of)
    submissions = [one for one in ingest(server, set()).submissions if one.iteration == 40]
    assert sorted(one.z for one in submissions) == list(SECTIONS)
    for submission in submissions:
        assert np.array_equal(submission.labels, labels_of(submission.z))
