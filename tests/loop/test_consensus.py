"""Counted by hand: each letter is a pixel of an object, a space is membrane, a question mark does not count."""

import numpy as np
import pytest

from loop.consensus import consensus
from loop.errors import InputError
from loop.labels import LabelledSection


def annotation(row: str) -> LabelledSection:
    ids = np.array([[0 if letter in " ?" else ord(letter) for letter in row]], np.uint32)
    return LabelledSection(ids, np.array([[letter != "?" for letter in row]]))


def agreed(*rows: str) -> str:
    found = consensus([annotation(row) for row in rows])
    known = {ord(letter) for letter in rows[0]}
    shown = [chr(i) if i in known else " " if i == 0 else "+" for i in found.labels[0].tolist()]
    return "".join(letter if counts else "?" for letter, counts in zip(shown, found.counted[0], strict=True))


def test_of_two_annotations_only_what_both_say_counts() -> None:
    assert agreed("aaaa bbb", "xxx  yyy") == "aaa? bbb"


def test_of_three_annotations_the_majority_counts_whatever_its_ids() -> None:
    assert agreed("aaaa bbb", "xxx  yyy", "ppppp  q") == "aaaa bbb"


def test_an_object_that_the_first_annotator_missed_is_there_if_the_others_have_it() -> None:
    assert agreed("aa     ", "aa  ccc", "bb  ddd") == "aa  +++"


def test_an_object_parted_by_one_of_two_counts_only_where_they_agree() -> None:
    assert agreed("aaaaaa", "aaa bb") == "aaa???"


def test_pixels_of_which_an_annotator_was_unsure_are_left_to_the_other() -> None:
    assert agreed("aaa??", "aaaaa") == "aaaaa"
    assert agreed("aaa??", "aaa??") == "aaa??"


def test_one_annotation_is_no_consensus() -> None:
    with pytest.raises(InputError, match="nothing to agree on"):
        consensus([annotation("a")])
