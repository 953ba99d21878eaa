"""Several annotations of a section made one: what most of them say, and nothing where they have no majority."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loop.errors import InputError
from loop.labels import LabelledSection, objects_of_section
from loop.overlaps import overlaps_of


def consensus(annotations: Sequence[LabelledSection]) -> LabelledSection:
    """Take the majority of each pixel, after objects of all annotations were matched by their overlap.

    Parameters
    ----------
    annotations : sequence of LabelledSection
        Two or more of one section. Profiles of later ones take the ids of the first that has them; a profile matches
        another when they share more with each other than either with any third.

    Returns
    -------
    LabelledSection
        Pixels for which no value, membrane included, has more than half of the votes do not count; nor do pixels of
        which most annotators were unsure.

    Raises
    ------
    InputError
        If there are fewer than two, or the shapes differ.
    """
    if len(annotations) < 2:
        raise InputError(
            "there is nothing to agree on",
            given=f"{len(annotations)} annotations",
            expected="two or more of one section",
            fix="take the single annotation as it is",
        )
    votes = np.stack(_with_common_ids([annotation.labels for annotation in annotations]))
    heard = np.stack([annotation.counted for annotation in annotations])
    labels = np.zeros(votes.shape[1:], np.uint32)
    counted = np.zeros(votes.shape[1:], np.bool_)
    for vote, said in zip(votes, heard, strict=True):
        support = ((votes == vote) & heard).sum(axis=0)
        wins = said & (2 * support > heard.sum(axis=0)) & (2 * heard.sum(axis=0) >= len(heard))
        labels[wins] = vote[wins]
        counted |= wins
    return LabelledSection(labels, counted)


def _with_common_ids(annotations: list[NDArray[np.uint32]]) -> list[NDArray[np.uint32]]:
    """Give every annotation with ids such that the same id means the same object in all of them."""
    common = [annotations[0]]
    largest = int(annotations[0].max(initial=0))
    for labels in annotations[1:]:
        profiles = objects_of_section(labels)
        ids = np.zeros(int(profiles.max(initial=0)) + 1, np.uint32)
        for earlier in common:
            overlaps = overlaps_of(earlier, labels)
            theirs = np.zeros(len(overlaps.sizes[0]), np.uint32)
            theirs[objects_of_section(earlier)] = earlier
            first, second = (side[overlaps.mutual] for side in overlaps.pairs)
            unnamed = ids[second] == 0
            ids[second[unnamed]] = theirs[first[unnamed]]
        new = np.flatnonzero(ids[1:] == 0) + 1
        ids[new] = np.arange(largest + 1, largest + 1 + len(new))
        largest += len(new)
        common.append(ids[profiles])
    return common
