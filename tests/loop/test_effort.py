"""Counted by hand on rows of pixels: each letter is a profile twelve pixels wide, a space is membrane."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loop.effort import Effort, active_seconds, effort_between
from loop.errors import InputError


def section(*rows: str, width: int = 12) -> NDArray[np.uint32]:
    ids = [[0 if letter == " " else ord(letter) for letter in row] for row in rows]
    return np.repeat(np.array(ids, np.uint32), width, axis=1)


def counts(effort: Effort) -> tuple[int, int, int, int, int]:
    return (
        effort.regions_split,
        effort.regions_merged,
        effort.regions_reshaped,
        effort.regions_added,
        effort.regions_deleted,
    )


def between(before: NDArray[np.uint32], after: NDArray[np.uint32]) -> Effort:
    return effort_between(before, after, active_s=30)


def test_an_untouched_section_cost_nothing_but_time() -> None:
    effort = between(section("aa b cc"), section("aa b cc"))
    assert counts(effort) == (0, 0, 0, 0, 0)
    assert (effort.active_s, effort.regions_touched, effort.pixels_changed) == (30, 0, 0)
    assert effort.voi == pytest.approx(0)


def test_other_ids_for_the_same_profiles_are_no_change() -> None:
    assert between(section("aa b"), section("xx y")).regions_touched == 0


def test_a_split_changes_the_smaller_part_and_the_cut() -> None:
    effort = between(section("aaaaaa"), section("aaa bb"))
    assert counts(effort) == (1, 0, 0, 0, 0)
    assert effort.pixels_changed == 12 + 24
    # The annotation's 36 + 24 px lie in one region: H(annotation | pre-annotation) is the entropy of (3/5, 2/5).
    assert effort.voi_merge == pytest.approx(-(0.6 * np.log2(0.6) + 0.4 * np.log2(0.4)))
    assert effort.voi_split == pytest.approx(0)


def test_a_merge_changes_the_smaller_part_and_the_gap() -> None:
    effort = between(section("aaa bb"), section("aaaaaa"))
    assert counts(effort) == (0, 1, 0, 0, 0)
    assert effort.pixels_changed == 12 + 24
    assert effort.voi_merge == pytest.approx(0)
    assert effort.voi_split > 0


def test_a_reshaped_region_is_neither_split_nor_merged() -> None:
    effort = between(section("aaa  c"), section("aaaa c"))
    assert counts(effort) == (0, 0, 1, 0, 0)
    assert effort.pixels_changed == 12


def test_added_and_deleted_regions_are_counted_with_their_pixels() -> None:
    effort = between(section("aa c   "), section("aa   ee"))
    assert counts(effort) == (0, 0, 0, 1, 1)
    assert effort.pixels_changed == 12 + 24


def test_specks_are_no_regions() -> None:
    effort = between(section("a b", width=5), section("a  ", width=5))
    assert effort.regions_touched == 0
    assert effort.pixels_changed == 5


def test_an_annotation_without_objects_has_no_voi() -> None:
    effort = between(section("aa"), section("  "))
    assert (effort.regions_deleted, effort.voi) == (1, 0)
    assert between(section("  "), section("  ")).pixels_changed == 0


def test_the_two_must_be_of_one_section() -> None:
    with pytest.raises(InputError, match="differ in shape"):
        between(section("aa"), section("aaa"))


def test_a_saved_draft_holds_the_time_a_second_time() -> None:
    assert active_seconds(120, drafted=False) == 120
    assert active_seconds(120, drafted=True) == 60
