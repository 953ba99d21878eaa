import numpy as np
import pytest

from loop.places import Place, Tile
from loop.ranking_tiles import tiling


def test_tiles_lie_all_over_the_section_and_have_the_mean_of_their_pixels() -> None:
    plane = np.zeros((6, 7))
    plane[4:, 5:] = 1
    tiles = tiling((6, 7), 3, tile_px=4)
    means = dict(zip(tiles.places, tiles.means(plane).tolist(), strict=True))
    assert len(means) == 3 * 4
    assert tiles.area_px == 16
    assert max(means, key=lambda place: means[place]) == Place(3, Tile(2, 3, 4, 4))
    assert means[Place(3, Tile(2, 3, 4, 4))] == 4 / 16
    assert means[Place(3, Tile(2, 2, 4, 4))] == 2 / 16
    assert means[Place(3, Tile(0, 0, 4, 4))] == 0


@pytest.mark.parametrize("tile_px", [6, 9, None])
def test_a_tile_as_large_as_the_section_is_the_section(tile_px: int | None) -> None:
    tiles = tiling((5, 6), 3, tile_px=tile_px)
    assert tiles.places == [Place(3)]
    assert tiles.area_px == 30
    assert tiles.means(np.arange(30.0).reshape(5, 6)).tolist() == [14.5]


def test_a_tile_of_which_everything_is_labelled_is_left_out() -> None:
    tiles = tiling((4, 8), 0, tile_px=4, labelled=[Tile(0, 0, 4, 4)])
    assert tiles.places[0] == Place(0, Tile(0, 1, 4, 4))
    assert not tiles.fresh[:, :4].any()
    assert tiles.fresh[:, 4:].all()
