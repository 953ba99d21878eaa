"""What a user of the phantom may rely on."""

from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import ndimage
from skimage import measure, metrics, segmentation

from loop.errors import InputError
from loop.phantom import Phantom, make_phantom, write_phantom
from loop.phantom_config import PhantomConfig

SHAPE = (24, 128, 128)
STEADY = PhantomConfig(jitter_nm=0, slip_nm=0)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(SHAPE, seed=5)


@pytest.fixture(scope="module")
def steady() -> Phantom:
    """Without slips, so that an object can be followed straight down."""
    return make_phantom(SHAPE, seed=5, config=STEADY)


def test_image_and_labels_have_the_promised_form(phantom: Phantom) -> None:
    assert phantom.image.shape == phantom.labels.shape == SHAPE
    assert phantom.image.dtype == np.uint8
    assert phantom.labels.dtype == np.uint16
    assert phantom.voxel_size_nm_zyx == (30.0, 12.0, 12.0)


def test_the_same_seed_gives_the_same_voxels_and_another_seed_another_tissue(phantom: Phantom) -> None:
    again, other = make_phantom(SHAPE, seed=5), make_phantom(SHAPE, seed=6)
    np.testing.assert_array_equal(again.image, phantom.image)
    np.testing.assert_array_equal(again.labels, phantom.labels)
    assert (other.labels != phantom.labels).mean() > 0.5


def test_ids_run_from_one_without_gaps(phantom: Phantom) -> None:
    ids = np.unique(phantom.labels)
    np.testing.assert_array_equal(ids, np.arange(len(ids)))
    assert len(ids) > 20


def test_every_id_is_one_connected_object_when_no_section_slips(steady: Phantom) -> None:
    parts = measure.label(steady.labels, connectivity=3)
    pairs = np.unique(np.stack([steady.labels.ravel(), parts.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_every_id_fills_an_unbroken_run_of_sections_although_sections_slip(phantom: Phantom) -> None:
    for i, where in enumerate(ndimage.find_objects(phantom.labels), start=1):
        inside = (phantom.labels[where] == i).any(axis=(1, 2))
        assert inside.all(), f"id {i} leaves out a section between its first and its last"


def test_most_of_a_thick_fibre_overlaps_itself_in_the_next_section(steady: Phantom) -> None:
    shared = []
    for here, after in zip(steady.labels[:-1], steady.labels[1:], strict=True):
        ids, sizes = np.unique(here[here > 0], return_counts=True)
        thick = ids[(sizes > 500) & np.isin(ids, after)]
        shared += [float((after[here == i] == i).mean()) for i in thick]
    assert np.median(shared) > 0.8


def test_some_fibre_branches(steady: Phantom) -> None:
    def arms(i: int) -> list[int]:
        return [int(measure.label(section == i).max()) for section in steady.labels]

    assert any(min(counts) == 1 and max(counts) > 1 for counts in map(arms, range(1, int(steady.labels.max()) + 1)))


def test_different_ids_never_touch_within_a_section(phantom: Phantom) -> None:
    for axis in (1, 2):
        first, second = np.delete(phantom.labels, -1, axis), np.delete(phantom.labels, 0, axis)
        assert not ((first != second) & (first > 0) & (second > 0)).any()


def test_no_object_has_a_hole_of_a_few_pixels(phantom: Phantom) -> None:
    """An outline cannot show one, so it would be lost between the labels and the annotators."""
    for section in phantom.labels:
        for hole in measure.regionprops(measure.label(section == 0, connectivity=2)):
            y, x, stop_y, stop_x = hole.bbox
            around = section[max(y - 1, 0) : stop_y + 1, max(x - 1, 0) : stop_x + 1]
            assert hole.area > 20 or len(np.unique(around[around > 0])) > 1


def test_walls_and_gaps_take_a_share_like_that_of_real_cortex(phantom: Phantom) -> None:
    assert 0.08 < (phantom.labels == 0).mean() < 0.28


def test_the_image_is_dark_where_the_truth_has_walls(phantom: Phantom) -> None:
    image = phantom.image.astype(float)
    walls = phantom.labels == 0
    for z in range(SHAPE[0]):
        if z != phantom.damaged_section:
            assert image[z][walls[z]].mean() < image[z][~walls[z]].mean() - 15


def test_walls_lie_where_the_truth_says_to_the_pixel(phantom: Phantom) -> None:
    """Moving the truth by one pixel in any direction makes the walls look brighter."""

    def brightness(y: int, x: int) -> float:
        moved = np.roll(phantom.labels, (y, x), axis=(1, 2))[:, 4:-4, 4:-4] == 0
        return float(phantom.image[:, 4:-4, 4:-4][moved].mean())

    assert all(brightness(0, 0) < brightness(y, x) for y, x in ((0, 1), (0, -1), (1, 0), (-1, 0)))


def test_the_damaged_section_differs_from_its_undamaged_self() -> None:
    damaged = make_phantom((6, 64, 64), seed=1, config=PhantomConfig(damaged_section=2))
    elsewhere = make_phantom((6, 64, 64), seed=1, config=PhantomConfig(damaged_section=4))
    changed = (damaged.image != elsewhere.image).mean(axis=(1, 2))
    assert damaged.damaged_section == 2
    assert changed[2] > 0.02
    assert changed[4] > 0.02
    assert not changed[[0, 1, 3, 5]].any()
    np.testing.assert_array_equal(damaged.labels, elsewhere.labels)


def test_staining_drifts_from_section_to_section(phantom: Phantom) -> None:
    assert phantom.image.mean(axis=(1, 2)).std() > 3


def test_sections_slip_by_default(phantom: Phantom, steady: Phantom) -> None:
    def overlap(labels: NDArray[np.uint16]) -> float:
        return float((labels[1:] == labels[:-1]).mean())

    assert overlap(phantom.labels) < overlap(steady.labels)


@pytest.mark.parametrize("sigma_px", [1.0, 2.0])
@pytest.mark.parametrize("percent_wall", [20, 30, 40])
def test_thresholding_does_not_solve_it(phantom: Phantom, sigma_px: float, percent_wall: int) -> None:
    bits = []
    for z in range(0, SHAPE[0], 6):
        smooth = ndimage.gaussian_filter(phantom.image[z].astype(float), sigma_px)
        depth = ndimage.distance_transform_edt(smooth > np.percentile(smooth, percent_wall))
        found = segmentation.watershed(-depth, measure.label(depth > 2.5))
        truth = phantom.labels[z]
        bits.append(sum(metrics.variation_of_information(truth[truth > 0], found[truth > 0])))
    assert np.mean(bits) > 1.2


def test_the_smallest_shape_works() -> None:
    assert make_phantom((4, 32, 32)).labels.max() >= 2


def test_the_file_holds_raw_and_labels_with_their_voxel_size(phantom: Phantom, tmp_path: Path) -> None:
    path = tmp_path / "new" / "phantom.h5"
    write_phantom(path, phantom)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["raw"][:], phantom.image)
        np.testing.assert_array_equal(file["labels"][:], phantom.labels)
        for name in ("raw", "labels"):
            assert tuple(file[name].attrs["voxel_size_nm_zyx"]) == (30.0, 12.0, 12.0)
            assert file[name].compression == "gzip"
    assert [p.name for p in path.parent.iterdir()] == ["phantom.h5"]


def test_progress_ends_at_its_total() -> None:
    heard: list[tuple[int, int]] = []
    make_phantom((4, 32, 32), progress=lambda done, total, note="": heard.append((done, total)))  # noqa: ARG005
    assert heard[-1] == (8, 8)
    assert [done for done, _ in heard] == list(range(1, 9))


@pytest.mark.parametrize(
    ("shape", "seed", "damaged", "expected"),
    [
        ((3, 64, 64), 0, None, "at least 4 x 32 x 32"),
        ((8, 64, 31), 0, None, "at least 4 x 32 x 32"),
        ((64, 64), 0, None, "at least 4 x 32 x 32"),
        ((8, 64, 64), -1, None, "0 or more"),
        ((8, 64, 64), 0, 8, "0 to 7"),
        ((8, 64, 64), 0, -1, "0 to 7"),
    ],
)
def test_what_cannot_be_built_is_refused(
    shape: tuple[int, int, int], seed: int, damaged: int | None, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        make_phantom(shape, seed, config=PhantomConfig(damaged_section=damaged))


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="granularity"):
        PhantomConfig.model_validate({"granularity": 3})


def test_sections_can_be_shifted_far_and_several_damaged() -> None:
    config = PhantomConfig(shift_nm=480, jitter_nm=0, slip_nm=0, further_damaged=2)
    made = make_phantom((10, 64, 64), seed=4, config=config)
    damaged = sorted({made.damaged_section, *made.further_damaged})
    assert len(damaged) == 3
    assert all(later - before > 1 for before, later in pairwise(damaged))
    still = make_phantom((10, 64, 64), seed=4, config=config.model_copy(update={"shift_nm": 0}))
    assert (made.labels != still.labels).mean() > 0.2


def test_more_damaged_sections_than_fit_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        make_phantom((6, 32, 32), config=PhantomConfig(further_damaged=4))
