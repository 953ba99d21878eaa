from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loop.errors import InputError
from tests.tracing.stacks import PIXEL_NM, moved, seen, tiling
from tracing.registration import RegistrationConfig
from tracing.registration_cache import Registrar
from tracing.tracking import Step, TrackingConfig, track
from tracing.tracking_anchors import Anchor
from tracing.tracking_gaps import GapRules
from tracing.tracking_objects import section_objects
from tracing.tracking_tracks import TrackTable

CELLS = tiling()


def linked(
    sections: Sequence[NDArray[Any]],
    images: Sequence[NDArray[Any]] | None = None,
    *,
    anchors: Sequence[Anchor] = (),
    gap: int = 2,
) -> tuple[list[dict[int, int]], list[Step]]:
    """Link sections; give for each one the track of every id, and the steps."""
    shown = images or [seen(section, seed=z) for z, section in enumerate(sections)]
    table, steps = TrackTable(), []
    config = TrackingConfig(gaps=GapRules(sections=gap))
    given = (
        section_objects(z, section, image, pixel_nm=PIXEL_NM)
        for z, (section, image) in enumerate(zip(sections, shown, strict=True))
    )
    for step in track(given, Registrar(PIXEL_NM, RegistrationConfig()), config, anchors):
        table.add_section(len(step.section), step.anchored)
        table.links += step.links
        steps.append(step)
    tracks, *_ = table.tracks()
    found = [
        dict(zip(step.section.ids.tolist(), some[1:].tolist(), strict=True))
        for step, some in zip(steps, tracks, strict=True)
    ]
    return found, steps


def shuffled(labels: NDArray[Any], seed: int) -> tuple[NDArray[np.uint64], dict[int, int]]:
    """Labels with ids drawn anew, far apart and beyond 2**32, and the old id of each."""
    old = np.unique(labels[labels > 0])
    new = np.random.default_rng(seed).choice(2**20, len(old), replace=False).astype(np.uint64) + np.uint64(2**40)
    table = np.zeros(int(old.max()) + 1, np.uint64)
    table[old] = new
    return table[labels], dict(zip(new.tolist(), old.tolist(), strict=True))


def test_ids_beyond_32_bits_that_mean_nothing_across_sections_are_linked() -> None:
    first, names = shuffled(CELLS, 1)
    second, others = shuffled(moved(CELLS, 2, 1), 2)
    found, _ = linked([first, second], [seen(CELLS), seen(moved(CELLS, 2, 1), seed=1)])
    tracks = {names[one]: number for one, number in found[0].items()}
    assert all(tracks[others[one]] == number for one, number in found[1].items())


def test_a_jump_of_many_pixels_is_followed() -> None:
    far = moved(CELLS, 31, -24)
    found, _ = linked([CELLS, far])
    kept = [one for one in np.unique(far) if one and (far == one).sum() > 40]
    assert len(kept) > 10
    assert all(found[1][one] == found[0][one] for one in kept)


def test_a_blank_image_of_a_section_leaves_the_link_to_its_outlines() -> None:
    far = moved(CELLS, 12, 9)
    found, steps = linked([CELLS, far], [seen(CELLS), np.zeros(CELLS.shape, np.uint8)])
    assert steps[1].alignment is not None
    assert steps[1].alignment.source == "outlines"
    kept = [one for one in np.unique(far) if one and (far == one).sum() > 40]
    assert all(found[1][one] == found[0][one] for one in kept)


def test_tracks_go_on_beyond_a_lost_section_although_the_stack_jumps_there() -> None:
    far = moved(CELLS, 20, 6)
    blank = np.zeros_like(CELLS)
    found, steps = linked([CELLS, blank, far], [seen(CELLS), np.zeros(CELLS.shape, np.uint8), seen(far, seed=2)])
    assert steps[2].damaged == (1,)
    kept = [one for one in np.unique(far) if one and (far == one).sum() > 40]
    assert all(found[2][one] == found[0][one] for one in kept)
    assert not set(linked([CELLS, blank, far], gap=0)[0][2].values()) & set(found[0].values())


def test_an_object_missing_in_one_section_keeps_its_track() -> None:
    without = np.where(CELLS == 7, 0, CELLS)
    found, steps = linked([CELLS, without, CELLS])
    assert found[2][7] == found[0][7]
    assert [links.kind for links in steps[2].links] == ["link", "gap"]
    assert steps[2].damaged == ()


def test_an_object_that_ends_and_one_that_begins_are_two_tracks() -> None:
    ends, begins = np.zeros((2, 60, 60), np.uint16)
    ends[20:40, 4:10], begins[20:40, 50:56] = 1, 1
    ends[4:50, 25:35], begins[4:50, 25:35] = 2, 2
    found, _ = linked([ends, begins])
    assert found[0][2] == found[1][2]
    assert found[0][1] != found[1][1]


def forked(gap: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """One object, and the two arms that it has in the next section, `gap` pixels apart, between still others."""
    whole, parts = np.zeros((2, 64, 64), np.uint16)
    whole[2:16, 2:62], parts[2:16, 2:62] = 1, 1
    whole[48:62, 2:62], parts[48:62, 2:62] = 2, 2
    whole[20:44, 12:52] = 5
    parts[20:44, 12:36], parts[20:44, 36 + gap : 52] = 8, 9
    return whole, parts


def test_a_fork_is_one_track_in_both_directions() -> None:
    whole, parts = forked(gap=8)
    apart, split = linked([whole, parts])
    joined, merge = linked([parts, whole])
    assert apart[1][8] == apart[1][9] == apart[0][5]
    assert joined[0][8] == joined[0][9] == joined[1][5]
    assert {links.kind for links in split[1].links} == {"link", "split"}
    assert {links.kind for links in merge[1].links} == {"link", "merge"}


def test_arms_parted_by_little_are_branches_if_it_takes_both_to_cover_the_trunk() -> None:
    found, _ = linked([*forked(gap=2)])
    assert found[1][8] == found[1][9] == found[0][5]
    whole, parts = forked(gap=2)
    whole[:, 36:52] = np.where(whole[:, 36:52] == 5, 0, whole[:, 36:52])
    found, _ = linked([whole, parts])
    assert found[1][8] != found[1][9]


def test_a_section_that_is_one_object_joins_no_tracks() -> None:
    found, _ = linked([CELLS, np.full_like(CELLS, 3), CELLS])
    assert len(set(found[0].values())) == len(found[0])
    assert sum(found[2][one] == found[0][one] for one in found[0]) > 0.9 * len(found[0])


def test_labels_that_join_pieces_themselves_have_no_branches_but_stray_pixels_join_nothing() -> None:
    whole, parts = forked(gap=8)
    parts[48:62, 4:14], parts[48:62, 14:16] = 1, 0  # a second piece of object 1
    found, _ = linked([whole, parts])
    assert found[1][8] != found[1][9]
    stray = forked(gap=8)[1]
    stray[60, 60] = 8
    found, _ = linked([whole, stray])
    assert found[1][8] == found[1][9]


def test_a_neighbour_that_abuts_is_no_branch() -> None:
    found, _ = linked([*forked(gap=0)])
    assert found[1][8] != found[1][9]


def test_each_link_says_what_it_costs_and_how_sure_it_is() -> None:
    _, steps = linked([CELLS, CELLS])
    (links,) = steps[1].links
    assert len(links) == len(np.unique(CELLS)) - 1
    assert (links.cost < 1).all()
    assert (links.margin > 0).all()


@pytest.mark.parametrize("n_sections", [1, 3])
def test_one_object_and_one_section_are_enough(n_sections: int) -> None:
    found, _ = linked([np.where(CELLS == 7, 7, 0)] * n_sections)
    assert found == [{7: 1}] * n_sections


def test_sections_without_any_object_are_passed() -> None:
    assert linked([np.zeros_like(CELLS)] * 3)[0] == [{}, {}, {}]


def point(labels: NDArray[Any], one: int, z: int, name: str) -> Anchor:
    y, x = np.argwhere(labels == one)[3].tolist()
    return Anchor(z=z, y=y, x=x, track=name)


def test_anchors_of_one_name_are_linked_against_all_costs() -> None:
    found, steps = linked([CELLS, CELLS], anchors=[point(CELLS, 3, 0, "a"), point(CELLS, 30, 1, "a")])
    assert found[0][3] == found[1][30]
    assert found[0][3] != found[1][3]
    assert {links.kind for links in steps[1].links} == {"link", "anchor"}


def test_anchors_of_two_names_keep_one_object_apart_from_itself() -> None:
    found, _ = linked([CELLS] * 3, anchors=[point(CELLS, 3, 0, "a"), point(CELLS, 3, 2, "b")])
    assert found[0][3] != found[2][3]


def test_anchors_that_contradict_each_other_are_named() -> None:
    contradicting = [point(CELLS, 3, 1, "left"), point(CELLS, 3, 1, "right")]
    with pytest.raises(InputError, match=r"(?s)contradict.*'left' at z=1.*'right' at z=1.*object 3 of section 1"):
        linked([CELLS, CELLS], anchors=contradicting)


def test_an_anchor_beside_all_objects_is_named() -> None:
    y, x = np.argwhere(CELLS == 0)[0].tolist()
    with pytest.raises(InputError, match=r"(?s)in no object.*'lost' at z=0"):
        linked([CELLS], anchors=[Anchor(z=0, y=y, x=x, track="lost")])
    with pytest.raises(InputError, match="in no object"):
        linked([CELLS], anchors=[Anchor(z=0, y=5000, x=0, track="lost")])
