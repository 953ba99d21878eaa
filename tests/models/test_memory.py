import torch

from models.memory import bytes_a_voxel, bytes_free, tile_that_fits
from models.registry import build
from tests.models.builders import DEEP, DILATED, FLAT, REFINER


def test_a_tile_is_halved_until_what_is_read_for_it_fits() -> None:
    # 10 sections of 400 x 400 at 8 bytes are 12.8 MB; 200 + 2 x 20 px make 4.6 MB, 100 + 2 x 20 px 1.6 MB
    sizes = [
        tile_that_fits((10, 400, 400), 2048, margin_px=20, bytes_a_voxel=8, budget=budget)
        for budget in (13e6, 12e6, 4.5e6, 1.5e6)
    ]
    assert sizes == [2048, 200, 100, 50]


def test_a_tile_smaller_than_its_margin_would_not_help() -> None:
    assert tile_that_fits((10, 400, 400), 400, margin_px=60, bytes_a_voxel=8, budget=1) == 100


def test_memory_is_counted_by_the_finest_channels_and_the_number_format() -> None:
    assert bytes_a_voxel(build(DEEP)) == 7.5 * 4 * 4
    assert bytes_a_voxel(build(DEEP).to(torch.bfloat16)) == 7.5 * 4 * 2
    assert bytes_a_voxel(build(DILATED)) == 14 * 2 * 4
    assert bytes_a_voxel(build(REFINER)) > bytes_a_voxel(build(DEEP))
    assert bytes_a_voxel(build(FLAT)) == 0


def test_this_machine_has_memory() -> None:
    assert bytes_free(torch.device("cpu")) > 2**20
