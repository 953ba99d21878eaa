import numpy as np
import pytest

from loop.cold_start import first_sections
from loop.section_looks import damaged, look_of


def looks_of_two_halves() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Forty sections: from 30 on they are darker and flatter; 7 is blank, 33 torn."""
    rng = np.random.default_rng(0)
    greys = [rng.normal(120 if z < 30 else 80, 30 if z < 30 else 18, (64, 64)) for z in range(40)]
    greys[7][:] = 0
    greys[33][10:50] = 255
    return np.array([look_of(np.clip(grey, 0, 255)) for grey in greys])


def test_blank_and_torn_sections_look_damaged_and_no_others() -> None:
    assert np.flatnonzero(damaged(looks_of_two_halves())).tolist() == [7, 33]


def test_the_first_sections_stand_for_every_look_and_none_is_damaged() -> None:
    chosen = first_sections(looks_of_two_halves(), range(40), 4)
    assert len(chosen) == 4
    assert not {7, 33} & {*chosen}
    assert any(z < 30 for z in chosen)
    assert any(z >= 30 for z in chosen)


def test_sections_that_all_look_alike_are_taken_all_along_the_stack() -> None:
    chosen = first_sections(np.tile([[120.0, 30.0, 1, 1, 1, 1]], (40, 1)), range(100, 140), 4)
    assert chosen == [104, 114, 124, 134] or chosen == [105, 115, 125, 135]


def test_two_looks_that_meet_do_not_bring_two_neighbours_to_label() -> None:
    looks = np.tile([[120.0, 30.0, 1, 1, 1, 1]], (64, 1))
    looks[20:24] = [[90.0, 18.0, 0, 0, 0, 0]]
    looks[24] = [105.0, 24.0, 0.5, 0.5, 0.5, 0.5]
    for n in range(3, 9):
        chosen = first_sections(looks, range(64), n)
        assert len(chosen) == len({*chosen})
        assert np.diff(chosen).min() >= 63 / (4 * n)


def test_of_fewer_sections_than_asked_all_are_taken() -> None:
    assert first_sections(looks_of_two_halves()[:3], [4, 5, 9], 8) == [4, 5, 9]


def test_noise_has_more_texture_in_fine_bands_and_a_slope_in_coarse_ones() -> None:
    noise = look_of(np.random.default_rng(1).normal(100, 20, (64, 64)))
    slope = look_of(np.tile(np.linspace(65, 135, 64), (64, 1)))
    assert noise[2] > slope[2]
    assert noise[:2] == pytest.approx([100, 20], abs=1)
