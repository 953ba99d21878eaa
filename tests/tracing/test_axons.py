import numpy as np
import pytest

from tracing.axons import AxonTable, profiles_of
from tracing.tracking_links import LinkKind, Links

TRACKS = [np.array([0, 1], np.uint64)] * 4


def links(z: int, to_z: int, margin: float, kind: LinkKind) -> Links:
    one = np.array([1], np.int64)
    return Links(z, to_z, kind, one, one, np.zeros(1), np.array([margin]))


def test_length_extent_and_breaks_are_those_computed_by_hand() -> None:
    table = AxonTable((30.0, 10.0, 10.0))
    for z, column in ((2, 0), (3, 4), (5, 4)):
        section = np.zeros((3, 6), np.uint32)
        section[1, column : column + 2] = 1
        table.add(z, profiles_of(section))
    (axon,) = table.axons()
    assert axon.length_um == pytest.approx((np.hypot(30, 40) + 60) / 1000)
    assert axon.volume_um3 == pytest.approx(6 * 3000 / 1e9)
    assert (axon.axon, axon.sections, axon.first, axon.last, axon.breaks) == (1, 3, 2, 5, 1)
    assert axon.mean_link_margin is None
    assert (axon.z, axon.y, axon.x) == (3, 1, 4)
    assert (axon.top, axon.left, axon.bottom, axon.right) == (1, 0, 1, 5)


def test_only_known_margins_of_links_and_gaps_count() -> None:
    table = AxonTable((30.0, 10.0, 10.0))
    table.add(0, profiles_of(np.ones((1, 1), np.uint32)))
    made = [links(0, 1, 2, "link"), links(1, 3, 4, "gap"), links(1, 2, np.inf, "anchor"), links(2, 3, 0.3, "split")]
    assert table.axons(made, TRACKS)[0].mean_link_margin == pytest.approx(3)


def test_the_longest_comes_first() -> None:
    table = AxonTable((30.0, 10.0, 10.0))
    table.add(0, profiles_of(np.array([[1, 2]], np.uint32)))
    table.add(1, profiles_of(np.array([[0, 2]], np.uint32)))
    assert [axon.axon for axon in table.axons()] == [2, 1]


def test_centres_boxes_and_pixels_are_those_of_the_pixels_whatever_the_ids() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (7, 9)).astype(np.uint64) * np.uint64(2**40)
    found = profiles_of(labels)
    assert found.ids.tolist() == [2**40, 2 * 2**40, 3 * 2**40]
    for number, one in enumerate(found.ids):
        rows, columns = np.nonzero(labels == one)
        assert found.voxels[number] == len(rows)
        assert (found.y_px[number], found.x_px[number]) == pytest.approx((rows.mean(), columns.mean()))
        assert found.box[number].tolist() == [rows.min(), columns.min(), rows.max(), columns.max()]
        assert labels[tuple(found.pixel[number])] == one


def test_sections_without_any_axon_give_an_empty_table() -> None:
    table = AxonTable((30.0, 10.0, 10.0))
    table.add(0, profiles_of(np.zeros((2, 2), np.uint32)))
    assert table.axons() == []
