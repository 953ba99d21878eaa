import numpy as np
import pytest
from numpy.typing import NDArray

from loop.errors import InputError
from tracing.masks import MaskConfig, box_of, crop_windows, masks_between


def box(top: int, left: int, bottom: int, right: int, shape: tuple[int, int] = (40, 60)) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def between(drawn: dict[int, NDArray[np.bool_]], config: MaskConfig | None = None) -> dict[int, NDArray[np.bool_]]:
    return dict(masks_between(drawn, config))


def test_drawn_sections_stay_as_they_are_and_all_between_get_a_mask() -> None:
    drawn = {3: box(5, 5, 15, 15), 6: box(6, 9, 20, 19), 8: box(7, 9, 21, 19)}
    found = between(drawn)
    assert list(found) == [3, 4, 5, 6, 7, 8]
    assert all((found[z] == mask).all() for z, mask in drawn.items())
    assert all(mask.any() for mask in found.values())


@pytest.mark.parametrize("path", ["smooth", "linear"])
def test_a_mask_that_moves_by_more_than_its_width_keeps_its_shape_on_the_way(path: str) -> None:
    found = between({0: box(10, 2, 20, 12), 4: box(10, 42, 20, 52)}, MaskConfig.model_validate({"path": path}))
    assert box_of(found[2]) == (10, 22, 20, 32)
    assert found[2].sum() == 100


def test_a_mask_that_grows_has_the_size_between_halfway() -> None:
    found = between({0: box(16, 26, 24, 34), 2: box(10, 20, 30, 40)})
    assert box_of(found[1]) == (13, 23, 27, 37)


def test_a_smooth_path_does_not_go_beyond_the_drawn_sections() -> None:
    drawn = {0: box(10, 5, 20, 15), 4: box(10, 30, 20, 40), 8: box(10, 30, 20, 40)}
    lefts = [box_of(mask)[1] for mask in between(drawn).values()]
    assert max(lefts) == 30
    assert lefts == sorted(lefts)


def test_one_drawn_section_gives_one_mask() -> None:
    assert list(between({7: box(1, 1, 3, 3)})) == [7]


def test_hull_fills_what_is_between_the_arms() -> None:
    arms = box(5, 5, 30, 10) | box(5, 5, 10, 30)
    hull = between({0: arms}, MaskConfig(hull=True))[0]
    assert hull[12, 12]
    assert not hull[28, 28]
    assert box_of(hull) == box_of(arms)


def test_a_margin_grows_the_mask_by_so_many_pixels() -> None:
    assert box_of(between({0: box(10, 10, 20, 20)}, MaskConfig(margin_px=4))[0]) == (6, 6, 24, 24)


def test_simplifying_drops_a_notch_smaller_than_the_tolerance() -> None:
    notched = box(10, 10, 30, 50)
    notched[10, 25:28] = False
    simple = between({0: notched}, MaskConfig(simplify_px=2.5))[0]
    assert (simple == box(10, 10, 30, 50)).all()


@pytest.mark.parametrize("drawn", [{}, {0: box(0, 0, 0, 0)}, {0: box(1, 1, 2, 2), 1: box(1, 1, 2, 2, (40, 61))}])
def test_masks_that_cannot_be_interpolated_are_told_of(drawn: dict[int, NDArray[np.bool_]]) -> None:
    with pytest.raises(InputError, match="cannot be interpolated"):
        between(drawn)


def test_windows_of_one_size_drift_with_the_mask_and_never_cut_it_or_leave_the_section() -> None:
    boxes = np.array([(0, 2 * z, 30, 2 * z + 30) for z in range(40)])
    corners = crop_windows(boxes, (48, 48), (64, 120), step_px=8)
    assert (corners <= boxes[:, :2]).all()
    assert (corners + 48 >= boxes[:, 2:]).all()
    assert (corners >= 0).all()
    assert (corners + 48 <= (64, 120)).all()
    assert len(np.unique(corners[:, 1])) < 20  # it rests in between


@pytest.mark.parametrize("size", [(20, 48), (48, 200)])
def test_a_window_that_does_not_fit_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="does not fit"):
        crop_windows(np.array([(0, 0, 30, 30)]), size, (64, 120), step_px=8)
