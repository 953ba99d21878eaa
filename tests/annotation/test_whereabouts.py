"""Regions described to their annotators."""

import numpy as np
import pytest

from annotation.marks import point_result, stroke_result
from annotation.regions import polygon_region
from annotation.whereabouts import whereabouts

SHAPE = (100, 200)


def stroke() -> dict[str, object]:
    mask = np.zeros(SHAPE, np.bool_)
    mask[40:61, 20:41] = True
    return stroke_result("s", "Missing membrane", mask)


RESULT = [
    "damaged",
    point_result("p", "Missing axon", (20, 60), SHAPE),
    stroke(),
    polygon_region("o", np.array([[10.0, 10.0], [50.0, 10.0], [30.0, 40.0]]), SHAPE),
    stroke() | {"id": "torn", "original_width": 3},
    point_result("far", "Not an axon", (300, 60), SHAPE),
    point_result("x", "Bird", (20, 60), SHAPE),
]


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("p", "Missing axon 30 % from the left, 20 % from the top"),
        ("s", "Missing membrane 15 % from the left, 50 % from the top"),
        ("o", "Object 15 % from the left, 20 % from the top"),
        ("torn", "Missing membrane"),
        ("far", "Not an axon"),
        ("x", ""),
        ("no such region", ""),
    ],
)
def test_a_region_is_named_by_its_label_and_its_place(region: str, words: str) -> None:
    assert whereabouts(RESULT, region) == words
    assert whereabouts({"no": "list"}, region) == ""
