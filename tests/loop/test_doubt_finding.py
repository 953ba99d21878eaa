import numpy as np
from numpy.typing import NDArray

from loop.doubt_finding import doubt_of
from loop.places import Tile


def walls() -> NDArray[np.float32]:
    """Sure walls around four rooms of 60 px, but one doubtful wall from row 20 to 50 at column 64."""
    membrane = np.zeros((128, 128), np.float32)
    membrane[62:66], membrane[:, 62:66] = 1, 1
    membrane[20:50, 62:66] = 0.5
    return membrane


def test_the_half_seen_wall_is_found_and_the_sure_ones_are_not() -> None:
    membrane = walls()
    found = doubt_of(membrane, np.zeros_like(membrane), labelled_sections_away=6)
    assert found.stretches == 1
    assert 24 <= found.border_px <= 30
    (spot,) = found.spots
    assert abs(spot.y_px - 35) <= 2
    assert abs(spot.x_px - 64) <= 2
    assert 20 <= spot.radius_px <= 40
    assert "in one place (circled); the nearest labelled section is 6 away" in found.reason


def test_a_tile_is_judged_alone_and_its_spots_lie_in_the_section() -> None:
    membrane, variance = walls(), np.zeros((128, 128), np.float32)
    inside = doubt_of(membrane, variance, labelled_sections_away=1, tile=Tile(10, 30, 60, 60))
    assert abs(inside.spots[0].y_px - 35) <= 2
    assert abs(inside.spots[0].x_px - 64) <= 2
    elsewhere = doubt_of(membrane, variance, labelled_sections_away=0, tile=Tile(68, 0, 60, 60))
    assert (elsewhere.border_px, elsewhere.spots) == (0, [])
    assert "No border stands out" in elsewhere.reason
    assert "another part of this section" in elsewhere.reason


def test_the_three_worst_of_many_are_marked_worst_first() -> None:
    membrane = np.zeros((160, 160), np.float32)
    for number, strength in enumerate((0.5, 0.4, 0.35, 0.3)):
        membrane[20 + 40 * number : 23 + 40 * number, 20 : 140 - 20 * number] = strength
    found = doubt_of(membrane, np.zeros_like(membrane), labelled_sections_away=2)
    assert found.stretches == 4
    assert [spot.y_px // 40 for spot in found.spots] == [0, 1, 2]
    assert "(the worst 3 are circled)" in found.reason
