"""Whatever a server may hold as an annotation, from payload to labels on disk.

300 payloads by default; ten thousand with `pytest tests/annotation/test_fuzz.py --hypothesis-profile=thorough`.
"""

import copy
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation import published
from annotation.contours import contours_of
from annotation.correction import PreAnnotation
from annotation.ingest import Submission, submission_of
from annotation.marks import point_result, stroke_result
from annotation.painted import bitmask_region, brush_region
from annotation.project import CUT, GROW, JOIN, REMOVE, UNSURE
from annotation.regions import Fault, polygon_region, region_id
from annotation.server import Server
from annotation.tasks import Annotation, ChangedTask
from annotation.whereabouts import whereabouts
from loop.labels import read_section, write_section
from tests.annotation.sections import cells, image_of

Z, ITERATION, TASK, ANNOTATION = 3, 1, 17, 23
CELLS = cells(Z)[:40, :48]
SHAPE = (40, 48)
MEMBRANE = (image_of(CELLS) < 100).astype(np.float32)
CONTOURS = contours_of(CELLS)
SENT = [polygon_region(region_id(Z, contour), contour.points, SHAPE) for contour in CONTOURS]

scalars = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from(["", "Object", "section", "polygonlabels", "brushlabels", CUT, GROW, "\x00", "\ud800", 10**400])
)
anything = st.recursive(
    scalars | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
percentages = st.floats(-120, 220) | st.integers(0, 100)
outlines = st.lists(st.tuples(percentages, percentages).map(list), min_size=0, max_size=6)


@st.composite
def drawn_polygon(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from([*(str(region["id"]) for region in SENT[:3]), "new", "other"]))
    region = polygon_region(name, np.zeros((3, 2)), SHAPE)
    return region | {"value": {"points": draw(outlines), "closed": True, "polygonlabels": ["Object"]}}


@st.composite
def drawn_stroke(draw: st.DrawFn) -> dict[str, Any]:
    mask = np.zeros(SHAPE, np.bool_)
    top, left = draw(st.integers(0, 39)), draw(st.integers(0, 47))
    mask[top : top + draw(st.integers(0, 30)), left : left + draw(st.integers(0, 30))] = True
    return stroke_result(draw(st.sampled_from("abc")), draw(st.sampled_from([CUT, JOIN, UNSURE])), mask)


@st.composite
def drawn_object(draw: st.DrawFn) -> dict[str, Any]:
    mask = np.zeros(SHAPE, np.bool_)
    top, left = draw(st.integers(0, 39)), draw(st.integers(0, 47))
    mask[top : top + draw(st.integers(0, 30)), left : left + draw(st.integers(0, 30))] = True
    name = draw(st.sampled_from([*(str(region["id"]) for region in SENT[:3]), "new", "other"]))
    return draw(st.sampled_from([brush_region, bitmask_region]))(name, mask)


@st.composite
def drawn_point(draw: st.DrawFn) -> dict[str, Any]:
    place = draw(st.integers(0, 39)), draw(st.integers(0, 47))
    return point_result(draw(st.sampled_from("pq")), draw(st.sampled_from([GROW, REMOVE])), place, SHAPE)


drawn = drawn_polygon() | drawn_object() | drawn_stroke() | drawn_point()


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """A region with one thing replaced, wherever it is."""
    region = copy.deepcopy(draw(whole))
    place: Any = region
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
        else:
            place[key] = draw(anything)
            return region


@st.composite
def answers(draw: st.DrawFn) -> list[Any]:
    """Published outlines, some of them missing or damaged, among drawings of every kind and quality."""
    kept = [region for region in SENT if draw(st.integers(0, 9)) > 0]
    extra = draw(st.lists(drawn | damaged(drawn | st.sampled_from(SENT)) | anything, max_size=5))
    return draw(st.permutations([*kept, *extra]))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The files of a server; nothing runs."""
    folder = tmp_path_factory.mktemp("annotation")
    made = Server("http://127.0.0.1:9", "a@b", folder, None, None, None)
    published.store(made.directory, ITERATION, PreAnnotation(Z, CELLS, CONTOURS, MEMBRANE))
    return made


def taken(server: Server, result: object) -> tuple[Submission | None, list[Fault]]:
    task = ChangedTask(TASK, (Z, ITERATION), [ANNOTATION], datetime.now(UTC))
    annotation = Annotation(ANNOTATION, 1, datetime.now(UTC), 1.0, drafted=False, skipped=False, result=result)
    submission, faults = submission_of(server, task, annotation, digest="0" * 64, annotator="someone")
    return submission, [Fault(TASK, ANNOTATION, *fault, whereabouts(result, fault[0])) for fault in faults]


def repaired(result: list[Any], faulty: set[str]) -> list[Any]:
    """The same answer with every faulty outline as it was published, and every other faulty region left out."""
    originals = {str(region["id"]): region for region in SENT}
    sound = [item for number, item in enumerate(result) if name_of(item, number) not in faulty]
    return [*(originals[name] for name in sorted(faulty & originals.keys())), *sound]


def name_of(item: Any, number: int) -> str:
    name = item.get("id") if isinstance(item, dict) else None
    return name if isinstance(name, str) and name else f"#{number}"


examples = max(300, settings().max_examples)
unhurried = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@unhurried
@given(answers() | anything)
def test_any_answer_is_stored_or_refused_and_every_fault_is_named(server: Server, result: Any) -> None:
    submission, faults = taken(server, result)
    for fault in faults:
        assert (fault.task_id, fault.annotation_id) == (TASK, ANNOTATION)
        assert fault.reason
        assert str(fault).isprintable()
    if submission is None:
        assert faults
        return
    folder = server.directory / "labels"
    for old in folder.glob("*"):
        old.unlink()
    path, digest = write_section(folder, Z, submission.labels, counted=submission.counted)
    stored = read_section(path, digest)
    assert np.array_equal(stored.labels, submission.labels)
    assert [file.name for file in folder.iterdir()] == [path.name]


@unhurried
@given(answers())
def test_a_bad_region_never_changes_what_its_neighbours_become(server: Server, result: list[Any]) -> None:
    polygons = [item for item in result if not is_mark(item)]
    submission, faults = taken(server, polygons)
    faulty = {fault.region_id for fault in faults}
    if submission is not None and all(is_single(name, polygons) for name in faulty):
        again, no_faults = taken(server, repaired(polygons, faulty))
        assert again is not None
        assert not no_faults
        assert np.array_equal(again.labels, submission.labels)


def is_mark(item: Any) -> bool:
    """Strokes, points and verdicts act together: one that is left out may change what another does."""
    return isinstance(item, dict) and item.get("type") not in ("polygonlabels", "bitmasklabels")


def is_single(name: str, items: list[Any]) -> bool:
    return sum(name_of(item, number) == name for number, item in enumerate(items)) == 1
