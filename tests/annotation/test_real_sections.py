"""Real EM labels, where the development data lies beside the checkout; they are never part of the project.

Three sections by default, each with an outline that is hard to draw with few vertices; all hundred (six minutes) with
PROOFLOOP_ALL_SECTIONS=1.
"""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from annotation.boundaries import pieces_of
from annotation.contours import contours_of
from annotation.correction import PreAnnotation, correct
from annotation.ingest import ingest
from annotation.oracle import annotate
from annotation.publish import SectionTask, publish
from annotation.rasterising import paint
from annotation.regions import Region, parse_regions, polygon_region, region_id
from annotation.server import Server

DATA = Path(os.environ.get("PROOFLOOP_DATA", Path(__file__).parents[3] / "shared" / "data")) / "snemi3d_ac4_ds2.h5"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
SECTIONS = range(100) if os.environ.get("PROOFLOOP_ALL_SECTIONS") else (0, 22, 51)


def labels_of(z: int) -> NDArray[np.uint32]:
    with h5py.File(DATA) as file:
        return np.asarray(file["labels"][z], np.uint32)


@pytest.mark.parametrize("z", SECTIONS)
def test_every_contour_covers_its_piece_within_few_vertices_and_leaves_no_gap(z: int) -> None:
    labels = labels_of(z)
    pieces, contours = pieces_of(labels), contours_of(labels)
    areas = np.bincount(pieces.ravel())[1:]
    assert len(contours) == len(areas)
    covered = np.zeros(labels.shape, np.bool_)
    for number, (contour, area) in enumerate(zip(contours, areas, strict=True), start=1):
        drawn = paint([contour.points], np.ones(1, np.uint32), (512, 512)) > 0
        common = np.count_nonzero(drawn & (pieces == number))
        assert common / (area + np.count_nonzero(drawn) - common) >= (0.98 if area > 100 else 0.92)
        covered |= drawn
    assert covered[binary_erosion(labels > 0, np.ones((3, 3), np.bool_))].all()
    vertices = np.array([len(contour.points) for contour in contours])
    assert vertices.mean() < 27
    assert vertices.max() <= 120


def test_one_edited_vertex_changes_only_the_two_objects_that_share_it() -> None:
    labels = labels_of(SECTIONS[0])
    before = PreAnnotation(0, labels, contours_of(labels))
    sent = [polygon_region(region_id(0, contour), contour.points, (512, 512)) for contour in before.contours]
    regions, _ = parse_regions(sent, (512, 512))
    number = max(range(len(regions)), key=lambda one: len(regions[one].points))
    own = before.contours[number]
    outward = _shared_vertex(before, number)
    moved = regions[number].points.copy()
    moved[outward[0]] = outward[1]
    regions[number] = Region(regions[number].region_id, moved)
    after = correct(before, regions).labels
    changed = after != labels
    assert (after[changed] == own.object_id).all()
    assert len(np.unique(labels[changed & (labels > 0)])) == 1


def _shared_vertex(before: PreAnnotation, number: int) -> tuple[int, NDArray[np.float64]]:
    """Find a vertex of a contour that only one neighbour has too, and a place 3 px inside of that neighbour."""
    points = before.contours[number].points
    pieces = pieces_of(before.labels)
    owners = [
        [n for n, other in enumerate(before.contours) if n != number and (other.points == p).all(axis=1).any()]
        for p in points
    ]
    for vertex in range(1, len(points) - 1):
        if len(owners[vertex]) == 1 and owners[vertex - 1] == owners[vertex] == owners[vertex + 1]:
            across = points[vertex + 1] - points[vertex - 1]
            normal = np.array([across[1], -across[0]]) / np.hypot(*across)
            place = points[vertex] + 3 * normal
            if pieces[int(place[1]), int(place[0])] == owners[vertex][0] + 1:
                return vertex, place
    raise AssertionError


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
