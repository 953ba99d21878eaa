import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.client import brush
from annotation.marks import parse_marks, point_result, stroke_result
from annotation.project import CUT, GROW, JOIN, REMOVE, UNSURE, labelling_interface

SHAPE = (6, 10)
MASK = np.zeros(SHAPE, np.bool_)
MASK[2:4, 3:9] = True


def cut(**changes: object) -> dict[str, object]:
    return stroke_result("s", CUT, MASK) | changes


def point(**value: object) -> dict[str, object]:
    item = point_result("p", GROW, (2, 7), SHAPE)
    assert isinstance(item["value"], dict)
    return item | {"value": item["value"] | value}


def verdict(choices: object, **changes: object) -> dict[str, object]:
    return {
        "id": "v",
        "type": "choices",
        "from_name": "verdict",
        "to_name": "section",
        "value": {"choices": choices},
    } | changes


@pytest.mark.parametrize("label", [CUT, JOIN, UNSURE])
def test_a_stroke_comes_back_as_it_went(label: str) -> None:
    marks, faults, rest = parse_marks([stroke_result("s", label, MASK)], SHAPE)
    (stroke,) = marks.strokes
    assert (stroke.region_id, stroke.label, faults, rest) == ("s", label, [], [])
    assert np.array_equal(stroke.mask, MASK)


def test_a_point_comes_back_as_it_went() -> None:
    marks, _, _ = parse_marks([point_result("p", REMOVE, (2, 7), SHAPE)], SHAPE)
    (found,) = marks.points
    assert (found.region_id, found.label, found.y, found.x) == ("p", REMOVE, 2, 7)


def test_a_point_on_the_far_edge_lies_in_the_last_pixel() -> None:
    marks, _, _ = parse_marks([point(x=100, y=100)], SHAPE)
    assert (marks.points[0].y, marks.points[0].x) == (5, 9)


def test_the_blurred_edge_of_a_stroke_does_not_belong_to_it() -> None:
    alpha = np.where(MASK, 255, 0).astype(np.uint8)
    alpha[1, 3:9], alpha[4, 3:9] = 127, 128
    value = {"format": "rle", "rle": list(brush().mask2rle(alpha)), "brushlabels": [CUT]}
    marks, _, _ = parse_marks([cut(value=value)], SHAPE)
    expected = MASK.copy()
    expected[4, 3:9] = True
    assert np.array_equal(marks.strokes[0].mask, expected)


def test_the_verdict_is_read_and_polygons_are_left() -> None:
    polygon = {"id": "a", "type": "polygonlabels"}
    marks, faults, rest = parse_marks([polygon, verdict(["Usable"]), 3, None], SHAPE)
    assert (marks.verdict, faults, rest) == ("Usable", [], [polygon, 3, None])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (cut(to_name="before"), "it lies on 'before'"),
        (cut(image_rotation=90), "rotated by 90"),
        (cut(value=None), "it has no value"),
        (cut(value={"rle": [0, 0, 0, 240], "brushlabels": ["Axon"]}), "its labels are"),
        (cut(value={"rle": [1, 2], "brushlabels": [CUT]}), "not of the section's size"),
        (cut(value={"rle": [255, 255, 255, 255, 1], "brushlabels": [CUT]}), "not of the section's size"),
        (cut(value={"rle": [0, 0, 0, 240, 1], "brushlabels": [CUT]}), "cannot be decoded"),
        (cut(value={"rle": "abc", "brushlabels": [CUT]}), "not a list of bytes"),
        (cut(value={"rle": [0, 0, 0, 999], "brushlabels": [CUT]}), "not a list of bytes"),
        (point(x=101), "its x is 101"),
        (point(y=float("nan")), "its y is nan"),
        (point(keypointlabels=[CUT]), "its labels are"),
        (verdict(["Bad"]), "its labels are ['Bad']"),
        (verdict(["Good"], from_name="other"), "it answers 'other'"),
    ],
)
def test_a_bad_mark_is_named_and_its_neighbours_are_taken(item: object, reason: str) -> None:
    marks, faults, _ = parse_marks([cut(), item, point()], SHAPE)
    assert (len(marks.strokes), len(marks.points)) == (1, 1)
    assert reason in faults[0][1]


@pytest.mark.parametrize("label", [CUT, JOIN, UNSURE, GROW, REMOVE, "Good", "Usable", "Discard"])
def test_the_labelling_interface_offers_every_mark(label: str) -> None:
    assert f'value="{label}"' in labelling_interface()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
codes = st.lists(st.integers(0, 255), max_size=12).map(lambda code: [0, 0, 0, 240, *code])
values = st.fixed_dictionaries(
    {},
    optional={
        "rle": codes | json_values,
        "brushlabels": st.just([CUT]) | json_values,
        "keypointlabels": st.just([GROW]) | json_values,
        "choices": st.just(["Good"]) | json_values,
        "x": st.floats(0, 100) | json_values,
        "y": st.floats(0, 100) | json_values,
    },
)
almost_marks = st.fixed_dictionaries(
    {
        "id": json_values,
        "type": st.sampled_from(["brushlabels", "keypointlabels", "choices"]) | json_values,
        "from_name": st.just("verdict") | json_values,
        "to_name": st.just("section") | json_values,
        "value": values | json_values,
    }
)


@settings(max_examples=300, deadline=None)
@given(st.lists(almost_marks | json_values, max_size=5) | json_values)
def test_no_payload_crashes_and_each_mark_is_taken_or_named_or_left(result: object) -> None:
    marks, faults, rest = parse_marks(result, SHAPE)
    assert all(stroke.mask.shape == SHAPE for stroke in marks.strokes)
    if isinstance(result, list):
        assert isinstance(rest, list)
        bad = len(result) - len(rest) - len(marks.strokes) - len(marks.points)
        assert bad == 0 or faults or marks.verdict
