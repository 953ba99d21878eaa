import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop.errors import InputError
from loop.section_range import format_sections, parse_sections, require_disjoint, runs_of


@given(st.sets(st.integers(0, 99), min_size=1))
def test_sections_written_down_are_read_back(sections: set[int]) -> None:
    assert parse_sections(format_sections(sections), name="pool", n_sections=100) == tuple(sorted(sections))


def test_a_range_leaves_its_stop_out() -> None:
    assert parse_sections("0:2,5:6", name="train", n_sections=6) == (0, 1, 5)
    assert runs_of([5, 0, 1]) == [(0, 2), (5, 6)]


@pytest.mark.parametrize("text", ["", "5", "a:b", "3:3", "4:2", "0:7", "-1:2"])
def test_a_range_that_does_not_fit_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match="train"):
        parse_sections(text, name="train", n_sections=6)


def test_overlapping_groups_are_refused_with_what_they_share() -> None:
    with pytest.raises(InputError, match="train and holdout share 4:6"):
        require_disjoint({"train": range(6), "pool": range(6, 9), "holdout": range(4, 6)})
