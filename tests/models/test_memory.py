import pytest
import torch

from models.layout_unet3d import NetworkConfig
from models.memory import RESULT_VOXELS, Cut, bytes_a_voxel, bytes_free, cut_that_fits
from models.registry import build
from tests.models.builders import DEEP, DILATED, FLAT, REFINER

LARGEST, ASIDE = Cut(sections=64, tile_px=2048), Cut(sections=0, tile_px=20)


def cut(
    budget: float, *, shape: tuple[int, int, int] = (40, 400, 400), margin: Cut = ASIDE, largest: Cut = LARGEST
) -> Cut:
    return cut_that_fits(shape, largest, margin=margin, grid=(2, 16), bytes_a_voxel=8, budget=budget)


def test_what_fits_is_predicted_at_once() -> None:
    assert cut(51.2e6) == Cut(40, 2048)


def test_blocks_are_halved_where_the_network_looks_only_along_the_section() -> None:
    # 40 sections of 400 x 400 at 8 bytes are 51.2 MB
    assert [cut(budget).sections for budget in (26e6, 13e6, 8e6)] == [20, 10, 6]


def test_tiles_are_halved_where_the_network_looks_only_along_z() -> None:
    along_z = Cut(18, 0)
    # of 400 px, tiles of 2048 / 8 = 256 and 128 px; blocks of 20 would read 38 sections for 20
    assert [cut(budget, margin=along_z) for budget in (22e6, 6e6)] == [Cut(40, 256), Cut(40, 128)]


def test_blocks_and_tiles_stay_on_the_grid_and_the_smallest_is_taken_where_nothing_fits() -> None:
    assert cut(0) == Cut(2, 16)
    assert cut(1e12, largest=Cut(5, 2048)) == Cut(6, 2048)


@pytest.mark.parametrize("budget", [0, 8 * 40 * 464**2, 8 * 40 * 480**2])
def test_where_hardly_anything_fits_tiles_do_not_shrink_to_a_thousandth_of_what_they_read(budget: float) -> None:
    # net A's margins: even 4 sections of 16 px read 40 of 464 px
    found = cut(budget, shape=(100, 512, 512), margin=Cut(18, 224), largest=Cut(144, 2048))
    assert found == Cut(12, 2048)


def test_results_are_kept_for_so_many_voxels_at_most() -> None:
    assert cut(1e15, shape=(1000, 4096, 4096), largest=Cut(1000, 4096)).sections * 4096**2 <= RESULT_VOXELS


def test_memory_is_counted_by_the_channels_that_are_kept_and_the_number_format() -> None:
    # DEEP pools along z at once, so that nothing in it is flat
    assert bytes_a_voxel(build(DEEP)) == 7.5 * 4 * 4
    assert bytes_a_voxel(build(DEEP).to(torch.bfloat16)) == 7.5 * 4 * 2
    assert bytes_a_voxel(build(DILATED)) == 14 * 2 * 4
    assert bytes_a_voxel(build(REFINER)) > bytes_a_voxel(build(DEEP))
    assert bytes_a_voxel(build(FLAT)) == 0


@pytest.mark.parametrize(
    ("flat_levels", "numbers"), [(0, 7.5 * 4), (1, 4 + 7.5 * 6 / 4), (2, 4 + 6 / 4 + 7.5 * 8 / 16)]
)
def test_of_flat_levels_only_their_results_are_kept(flat_levels: int, numbers: float) -> None:
    kernels = tuple((1 if level < flat_levels else 3, 3, 3) for level in range(3))
    layout = NetworkConfig(channels=(4, 6, 8), kernels=kernels, pools=((1, 2, 2), (1, 2, 2)))
    assert layout.flat_levels == flat_levels
    assert bytes_a_voxel(build(layout)) == numbers * 4


def test_this_machine_has_memory() -> None:
    assert bytes_free(torch.device("cpu")) > 2**20
