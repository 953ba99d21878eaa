import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.contours import Contour
from annotation.regions import named, parse_regions, polygon_region, region_id

SHAPE = (50, 200)
SQUARE = np.array([(10, 10), (20, 10), (20, 20), (10, 20)], np.float64)


def square(**changes: object) -> dict[str, object]:
    return polygon_region("z1-o7-p0", SQUARE, SHAPE) | changes


def faults_of(*items: object) -> list[tuple[str, str]]:
    return parse_regions(list(items), SHAPE)[1]


def test_the_server_gets_percentages_of_width_and_height() -> None:
    value = square()["value"]
    assert isinstance(value, dict)
    assert value["points"] == [[5, 20], [10, 20], [10, 40], [5, 40]]


def test_a_region_comes_back_as_it_went() -> None:
    (region,), faults = parse_regions([square()], SHAPE)
    assert region.region_id == "z1-o7-p0"
    assert np.array_equal(region.points, SQUARE)
    assert not faults


def test_region_ids_are_strings_that_carry_the_object() -> None:
    assert region_id(51, Contour(17, 2, SQUARE)) == "z51-o17-p2"


def with_points(points: object) -> dict[str, object]:
    return square(value={"points": points, "closed": True, "polygonlabels": ["Object"]})


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "not a region"),
        ("polygon", "not a region"),
        (square(type="brushlabels"), "its type is 'brushlabels'"),
        (square(to_name="before"), "it lies on 'before'"),
        (square(image_rotation=90), "rotated by 90"),
        (square(value=None), "it has no value"),
        (square(value={"points": [[0, 0], [1, 0], [1, 1]]}), "its labels are None"),
        (with_points([]), "fewer than three points"),
        (with_points([[1, 2], [3, 4]]), "fewer than three points"),
        (with_points([[1, 2], [3, 4], [5]]), "not a pair of finite numbers"),
        (with_points([[1, 2], [3, 4], [5, float("nan")]]), "not a pair of finite numbers"),
        (with_points([[1, 2], [3, 4], [5, "6"]]), "not a pair of finite numbers"),
        (with_points([[1, 2], [3, 4], [5, 1e12]]), "not a pair of finite numbers"),
    ],
)
def test_a_bad_region_is_named_and_its_neighbours_are_taken(item: object, reason: str) -> None:
    regions, faults = parse_regions([square(id="left"), item, square(id="right")], SHAPE)
    assert [region.region_id for region in regions] == ["left", "right"]
    assert len(faults) == 1
    assert reason in faults[0][1]


def test_all_faults_are_named_at_once() -> None:
    unfinished = square(to_name="after", value={"points": [], "closed": False, "polygonlabels": ["Axon"]})
    assert len(faults_of(unfinished)) == 4


def test_of_two_regions_with_one_id_the_second_is_named() -> None:
    assert faults_of(square(), square()) == [("z1-o7-p0", "a second region has the same id")]


def test_a_region_without_an_id_is_named_by_its_place() -> None:
    regions, faults = named([square(), 3, square(id=None)])
    assert regions == [square(), square(id="#2")]
    assert faults == [("#1", "it is int, not a region")]


@pytest.mark.parametrize("result", [None, {}, "[]", 3])
def test_a_result_that_is_no_list_is_named(result: object) -> None:
    regions, faults = parse_regions(result, SHAPE)
    assert not regions
    assert len(faults) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
points = st.lists(st.lists(st.floats() | st.integers(-5, 120), min_size=1, max_size=3) | json_values, max_size=6)
values = st.fixed_dictionaries(
    {"points": points | json_values, "polygonlabels": st.just(["Object"]) | json_values},
    optional={"closed": json_values},
)
almost_regions = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "z1-o7-p0"]) | json_values,
        "type": st.just("polygonlabels") | json_values,
        "to_name": st.just("section") | json_values,
        "value": values | json_values,
    }
)


@settings(max_examples=300, deadline=None)
@given(st.lists(almost_regions | json_values, max_size=5) | json_values)
def test_no_payload_crashes_and_each_region_is_taken_or_named(result: object) -> None:
    regions, faults = parse_regions(result, SHAPE)
    assert all(np.isfinite(region.points).all() and len(region.points) >= 3 for region in regions)
    if isinstance(result, list):
        assert bool(faults) == (len(regions) < len(result))
