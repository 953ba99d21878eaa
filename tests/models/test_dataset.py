from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from loop.errors import InputError
from models.augment_config import AugmentConfig
from models.dataset import PatchSampler, PatchShape, Sample, TrainingBlock, reflected
from models.targets import Target, membrane_target
from tests.models.builders import STILL, block


def sampler_of(*blocks: TrainingBlock, shape: PatchShape, augmentation: AugmentConfig = STILL) -> PatchSampler:
    return PatchSampler(blocks, shape, target=Target(), augmentation=augmentation, seed=3)


def test_the_patches_do_not_depend_on_how_many_threads_ask_for_them() -> None:
    sampler = sampler_of(block(), shape=PatchShape(1, 16, 1), augmentation=AugmentConfig())
    alone = [sampler.sample(number) for number in range(24)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(sampler.sample, reversed(range(24))))
    for one, other in zip(alone, reversed(together), strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.target, other.target)


def test_only_annotated_sections_count_and_their_neighbours_are_context() -> None:
    bright = np.arange(5, dtype=np.uint8)[:, None, None] * np.uint8(51) + np.zeros((5, 8, 8), np.uint8)
    annotated = np.array([False, False, True, False, False])
    one = TrainingBlock(image=bright, labels=np.ones((5, 8, 8), np.uint32), annotated=annotated)
    sampler = sampler_of(one, shape=PatchShape(sections=3, px=8, context=1))
    for number in range(20):
        sample = sampler.sample(number)
        assert sample.mask[0].max(axis=(1, 2)).sum() == 1
        centre = int(sample.mask[0, :, 0, 0].argmax()) + 1
        assert sample.image[centre, 0, 0] == pytest.approx(2 / 5)
        assert not sample.target[sample.mask == 0].any()


def test_of_a_partly_annotated_section_only_the_annotated_part_counts() -> None:
    annotated = np.zeros((6, 48, 48), dtype=bool)
    annotated[2, 5:20, 5:30] = True
    sample = sampler_of(replace(block(), annotated=annotated), shape=PatchShape(1, 48, 0)).sample(0)
    # the part's edge is no end of an instance, so one pixel all around is not known
    assert sample.mask.sum() == 13 * 23
    assert sample.target.sum() == membrane_target(block().labels)[2, 6:19, 6:29].sum()


def test_patches_seek_the_labelled_objects_as_often_as_they_are_told() -> None:
    labels = np.zeros((2, 200, 200), dtype=np.uint32)
    labels[0, 0, 0] = labels[0, 199, 150] = 3
    one = TrainingBlock(image=np.zeros_like(labels, np.uint8), labels=labels, annotated=np.ones(2, bool))

    def share(rate: float) -> float:
        sampler = PatchSampler(
            [one], PatchShape(1, 20, 0), target=Target(border_px=0), augmentation=STILL, seed=0, foreground_rate=rate
        )
        return float(np.mean([sampler.sample(number).target.min() == 0 for number in range(200)]))

    # half of the sections hold nothing, so even the keenest sampler finds something half the time
    assert share(0.0) < 0.05
    assert 0.15 < share(0.5) < 0.35
    assert 0.4 < share(1.0) < 0.6


def test_context_beyond_the_ends_is_the_reflection() -> None:
    assert reflected(np.arange(-3, 7), 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert reflected(np.arange(-2, 3), 1).tolist() == [0] * 5


def test_huge_ids_are_told_apart_in_warped_patches() -> None:
    image = np.zeros((1, 16, 16), np.uint8)
    labels = np.full((1, 16, 16), 2**40, np.uint64)
    labels[:, 8:] += np.uint64(1)
    one = TrainingBlock(image=image, labels=labels, annotated=np.ones(1, bool))
    sample: Sample = sampler_of(one, shape=PatchShape(1, 16, 0)).sample(0)
    assert sample.target.sum() == 2 * 16


def test_a_patch_larger_than_the_sections_is_refused() -> None:
    with pytest.raises(InputError, match="patch is larger"):
        sampler_of(block(px=24), shape=PatchShape(1, 32, 1))


def test_labels_without_foreground_are_refused() -> None:
    empty = replace(block(), labels=np.zeros((6, 48, 48), np.uint32))
    with pytest.raises(InputError, match="no foreground"):
        sampler_of(empty, shape=PatchShape(1, 16, 1))


def test_an_empty_crop_is_refused() -> None:
    with pytest.raises(InputError, match="block is empty"):
        TrainingBlock(np.zeros((0, 48, 48), np.uint8), np.zeros((0, 48, 48), np.uint32), np.ones(0, bool))
    with pytest.raises(InputError, match="block is empty"):
        TrainingBlock(np.zeros((2, 48, 0), np.uint8), np.zeros((2, 48, 0), np.uint32), np.ones(2, bool))


def test_blocks_without_annotation_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to learn"):
        sampler_of(replace(block(), annotated=np.zeros(6, bool)), shape=PatchShape(1, 16, 1))


def test_parts_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InputError, match="fit together"):
        replace(block(), annotated=np.ones(5, bool))
    with pytest.raises(InputError, match="wrong type"):
        replace(block(), image=np.zeros((6, 48, 48), np.float32))
