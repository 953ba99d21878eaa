from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loop.errors import InputError
from tests.tracing.stacks import PIXEL_NM, moved, seen, tiling
from tracing.registration import RegistrationConfig, register, register_outlines
from tracing.registration_cache import Registrar
from tracing.registration_drift import drift_px, jumps

WIDE = tiling((160, 160), 90)


@pytest.mark.parametrize("shift", [(0, 0), (7, -4), (-38, 25)])
def test_a_displacement_is_found_to_a_pixel_however_far_it_goes(shift: tuple[int, int]) -> None:
    found = register(seen(WIDE), seen(moved(WIDE, *shift), seed=1), pixel_nm=PIXEL_NM).dense()
    middle = found[:, 60:100, 60:100]
    assert np.abs(middle - np.array(shift)[:, None, None]).max() < 1.0


def test_contrast_that_changes_does_not_matter() -> None:
    fixed, moving = seen(WIDE), seen(moved(WIDE, 9, 5), seed=1)
    faint = (moving * 0.4 + 100).astype(np.uint8)
    found = register(fixed, faint, pixel_nm=PIXEL_NM).dense()
    assert np.abs(np.median(found, axis=(1, 2)) - (9, 5)).max() < 1.0


def test_black_borders_are_not_matched_with_each_other() -> None:
    fixed, moving = seen(WIDE), seen(moved(WIDE, 14, 0), seed=1)
    fixed[:30], moving[:30] = 0, 0
    found = register(fixed, moving, pixel_nm=PIXEL_NM).dense()
    assert np.abs(np.median(found[:, 60:120], axis=(1, 2)) - (14, 0)).max() < 1.0


def test_a_bend_is_followed_locally() -> None:
    rows = np.arange(160) + np.rint(5 * np.sin(np.arange(160) / 160 * np.pi)).astype(int)
    bent = WIDE[np.clip(rows, 0, 159)]
    close = RegistrationConfig(smoothing_nm=60)
    found = register(seen(bent), seen(WIDE, seed=1), pixel_nm=PIXEL_NM, config=close).dense()
    assert found[0, 75:85, 40:120].mean() == pytest.approx(5, abs=1.0)
    assert found[0, 12:18, 40:120].mean() == pytest.approx(1.5, abs=1.0)


def waving(px: float) -> NDArray[np.int64]:
    """Rows of a section of 160 that wave up and down by so many px, once in 100."""
    return np.rint(np.arange(160) + px * np.sin(np.arange(160) / 100 * 2 * np.pi)).astype(int).clip(0, 159)


def test_a_fine_bend_is_followed_more_closely_than_the_usual_smoothing_would() -> None:
    found = register_outlines(WIDE[waving(6)], WIDE, pixel_nm=PIXEL_NM).dense()
    bend = waving(6)[:, None] - np.arange(160)[:, None]
    assert np.abs(found[0] - bend)[30:130].mean() < 2  # 2.6 px are left by the usual smoothing


def test_objects_that_move_by_themselves_are_no_bend_of_the_section() -> None:
    rng = np.random.default_rng(0)
    drifting = WIDE.copy()
    for one in rng.permutation(np.unique(WIDE))[:45]:
        drifting = np.where(moved(np.where(one == WIDE, WIDE, 0), *rng.integers(-3, 4, 2)) > 0, one, drifting)
    found = register_outlines(WIDE, drifting, pixel_nm=PIXEL_NM).dense()
    assert np.abs(found[:, 20:140, 20:140]).mean() < 1.0


def test_a_section_that_resembles_no_other_is_told_by_its_similarity() -> None:
    noise = np.random.default_rng(5).integers(1, 255, WIDE.shape).astype(np.uint8)
    like, unlike = (register(seen(WIDE), other, pixel_nm=PIXEL_NM) for other in (seen(WIDE, seed=1), noise))
    assert like.similarity > 0.8
    assert unlike.similarity < 0.5 * like.similarity


def test_a_blank_section_has_no_similarity_and_moves_nothing() -> None:
    found = register(seen(WIDE), np.zeros(WIDE.shape, np.uint8), pixel_nm=PIXEL_NM)
    assert found.similarity == -1
    assert np.isfinite(found.dense()).all()


def test_outlines_are_registered_like_images() -> None:
    other = moved(np.random.default_rng(0).permutation(91)[WIDE] * (WIDE > 0), 11, -6)
    found = register_outlines(WIDE, other, pixel_nm=PIXEL_NM).dense()
    assert np.abs(np.median(found, axis=(1, 2)) - (11, -6)).max() < 1.0


def test_sections_of_different_size_are_refused() -> None:
    with pytest.raises(InputError, match="differ in size"):
        register(np.zeros((20, 20)), np.zeros((20, 21)), pixel_nm=PIXEL_NM)


def test_a_tiny_section_is_registered_too() -> None:
    assert register(seen(tiling((9, 7), 4)), seen(tiling((9, 7), 4)), pixel_nm=PIXEL_NM).dense().shape == (2, 9, 7)


def test_a_registration_is_kept_and_taken_again(tmp_path: Path) -> None:
    registrar = Registrar(PIXEL_NM, RegistrationConfig(), tmp_path)
    first = registrar.register(seen(WIDE), seen(moved(WIDE, 4, 4)))
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    again = registrar.register(seen(WIDE), seen(moved(WIDE, 4, 4)))
    assert kept.stat().st_mtime_ns == written
    np.testing.assert_array_equal(first.dense(), again.dense())


def test_other_settings_and_other_images_are_registered_anew(tmp_path: Path) -> None:
    Registrar(PIXEL_NM, RegistrationConfig(), tmp_path).register(seen(WIDE), seen(WIDE, seed=1))
    Registrar(PIXEL_NM, RegistrationConfig(candidates=2), tmp_path).register(seen(WIDE), seen(WIDE, seed=1))
    Registrar(PIXEL_NM, RegistrationConfig(), tmp_path).register(seen(WIDE), seen(WIDE, seed=2))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_file_of_the_cache_is_made_again(tmp_path: Path) -> None:
    registrar = Registrar(PIXEL_NM, RegistrationConfig(), tmp_path)
    first = registrar.register(seen(WIDE), seen(moved(WIDE, 4, 4)))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    np.testing.assert_array_equal(first.dense(), registrar.register(seen(WIDE), seen(moved(WIDE, 4, 4))).dense())


def test_a_jump_stands_out_from_the_drift() -> None:
    shifts = [(1.0, 0.5), (1.5, 0.0), (30.0, -20.0), (0.5, 0.5), (1.0, 0.0), (1.2, 0.3)]
    assert jumps(shifts) == [2]
    assert drift_px(shifts) == pytest.approx((35.2, -18.7))
    assert jumps([]) == []
    assert drift_px([]) == (0, 0)
