from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loop.errors import HoldoutLeak, InputError
from loop.holdout import freeze, frozen_section, refuse_leak
from loop.labels import LabelledSection, combined, objects_of_section, read_section, write_section
from loop.places import Tile
from loop.volume import Volume

LABELS = np.array([[1, 1, 0], [0, 0, 2]], dtype=np.uint16)


def test_labels_come_back_and_the_same_labels_make_one_file(tmp_path: Path) -> None:
    path, digest = write_section(tmp_path, 7, LABELS)
    assert write_section(tmp_path, 7, LABELS) == (path, digest)
    assert read_section(path, digest).labels.tolist() == LABELS.tolist()
    assert read_section(path, digest).counted.all()
    assert len(list(tmp_path.iterdir())) == 1


def test_pixels_of_which_the_annotator_was_unsure_are_kept_apart(tmp_path: Path) -> None:
    counted = np.array([[True, False, True], [True, True, True]])
    path, digest = write_section(tmp_path, 7, LABELS, counted=counted)
    assert read_section(path, digest).counted.tolist() == counted.tolist()
    assert write_section(tmp_path, 7, LABELS)[0] != path


def test_a_changed_or_broken_labels_file_is_refused(tmp_path: Path) -> None:
    path, _ = write_section(tmp_path, 7, LABELS)
    with pytest.raises(InputError, match="was changed"):
        read_section(path, "0" * 64)
    path.write_bytes(b"torn")
    with pytest.raises(InputError, match="cannot be read"):
        read_section(path, "0" * 64)


def layer(value: int) -> LabelledSection:
    return LabelledSection(np.full((4, 6), value, np.uint32), np.ones((4, 6), bool))


def test_tiles_count_only_inside_and_the_later_wins() -> None:
    only = combined([(layer(7), Tile(1, 1, 2, 2))])
    assert (only.labels == 7).tolist() == only.counted.tolist()
    assert np.argwhere(only.counted).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]

    both = combined([(layer(7), Tile(0, 0, 4, 3)), (layer(2), Tile(0, 2, 4, 2))])
    assert both.labels.tolist() == [[7, 7, 9, 9, 0, 0]] * 4
    assert both.counted.tolist() == [[True, False, True, True, False, False]] * 4  # none at the seam


def test_a_tile_laid_over_a_whole_section_leaves_the_rest_of_it() -> None:
    unsure = replace(layer(1), counted=np.zeros((4, 6), bool))
    held = combined([(layer(3), None), (unsure, Tile(2, 4, 2, 2))])
    assert np.argwhere(~held.counted).tolist() == [[1, 4], [1, 5], *([y, x] for y in (2, 3) for x in (3, 4, 5))]
    assert (held.labels[:2] == 3).all()
    assert np.array_equal(combined([(layer(3), None)]).labels, layer(3).labels)


def test_two_profiles_of_one_axon_are_two_objects_of_the_section() -> None:
    bent = np.array([[5, 0, 5], [5, 0, 5]], dtype=np.uint32)
    assert objects_of_section(bent).tolist() == [[1, 0, 2], [1, 0, 2]]


def stack(values: list[int]) -> Volume:
    data = np.stack([np.full((2, 2), value, dtype=np.uint8) for value in values])
    return Volume("memory:raw", (len(values), 2, 2), data.dtype, None, lambda start, stop: data[start:stop])


def test_a_holdout_section_is_found_by_content_under_any_index() -> None:
    frozen = freeze(stack([1, 2, 3]), [2])
    refuse_leak(np.zeros((4, 2, 2), dtype=np.uint8), frozen)
    with pytest.raises(HoldoutLeak, match="hold-out section 2"):
        refuse_leak(np.full((1, 2, 2), 3, dtype=np.uint8), frozen)


def test_a_holdout_that_changed_or_was_never_frozen_is_refused() -> None:
    frozen = freeze(stack([1, 2, 3]), [2])
    assert frozen_section(stack([1, 2, 3]), 2, frozen)[0, 0] == 3
    with pytest.raises(InputError, match="changed since"):
        frozen_section(stack([1, 2, 4]), 2, frozen)
    with pytest.raises(InputError, match="not frozen"):
        frozen_section(stack([1, 2, 3]), 1, frozen)
