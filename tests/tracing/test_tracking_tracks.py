from collections.abc import Sequence

import numpy as np

from tracing.tracking_anchors import AnchoredSection
from tracing.tracking_links import LinkKind, Links
from tracing.tracking_tracks import TrackTable


def links(z: int, to_z: int, pairs: Sequence[tuple[int, int]], margin: float = 1.0, kind: LinkKind = "link") -> Links:
    first, second = np.array(pairs, np.int64).T
    return Links(z, to_z, kind, first, second, np.zeros(len(pairs)), np.full(len(pairs), margin))


def anchors(objects: dict[int, int] | None = None) -> AnchoredSection:
    objects = objects or {}
    return AnchoredSection(np.array(list(objects), np.int64), np.array(list(objects.values()), np.int64))


def tracks(table: TrackTable) -> list[list[int]]:
    return [some.tolist() for some in table.tracks()[0]]


def test_tracks_are_numbered_as_they_begin() -> None:
    table = TrackTable()
    for count in (2, 3):
        table.add_section(count, anchors())
    table.links = [links(0, 1, [(1, 3), (2, 1)])]
    assert tracks(table) == [[0, 1, 2], [0, 2, 3, 1]]


def test_a_gap_and_a_branch_join_too() -> None:
    table = TrackTable()
    for count in (1, 0, 2):
        table.add_section(count, anchors())
    table.links = [links(0, 2, [(1, 1)], kind="gap"), links(0, 2, [(1, 2)], kind="split")]
    assert tracks(table) == [[0, 1], [0], [0, 1, 1]]


def test_anchors_of_one_name_join_what_no_link_joins() -> None:
    table = TrackTable()
    table.add_section(2, anchors({1: 0}))
    table.add_section(2, anchors({2: 0}))
    assert tracks(table) == [[0, 1, 2], [0, 3, 1]]


def test_the_weakest_link_between_two_anchors_gives_way() -> None:
    table = TrackTable()
    for known in ({1: 0}, {}, {1: 1}):
        table.add_section(1, anchors(known))
    table.links = [links(0, 1, [(1, 1)], margin=0.5), links(1, 2, [(1, 1)], margin=3)]
    found, severed, _ = table.tracks()
    assert [some.tolist() for some in found] == [[0, 1], [0, 2], [0, 2]]
    assert [(one.z, one.to_z) for one in severed] == [(0, 1)]


def side_by_side(sections: int, *, margin: float) -> tuple[list[list[int]], int]:
    """Two objects followed through all sections, and a branch of `margin` from the one to the other in the first."""
    table = TrackTable()
    for _ in range(sections):
        table.add_section(2, anchors())
    table.links = [links(z, z + 1, [(1, 1), (2, 2)]) for z in range(sections - 1)]
    table.links.append(links(0, 1, [(1, 2)], margin=margin, kind="split"))
    return tracks(table), sum(map(len, table.tracks()[2]))


def test_a_branch_in_doubt_does_not_make_one_axon_of_two_long_ones() -> None:
    assert side_by_side(8, margin=-0.1) == ([[0, 1, 2]] * 8, 1)
    assert side_by_side(8, margin=0.1) == ([[0, 1, 1]] * 8, 0)


def test_a_branch_in_doubt_is_followed_where_little_hangs_on_it() -> None:
    assert side_by_side(4, margin=-0.1) == ([[0, 1, 1]] * 4, 0)


def test_no_section_makes_no_track() -> None:
    assert TrackTable().tracks() == ([], [], [])
