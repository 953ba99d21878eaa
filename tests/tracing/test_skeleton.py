import numpy as np
import pytest
from numpy.typing import NDArray

from loop.errors import InputError
from tracing.extra import required
from tracing.skeleton import Skeleton, SkeletonConfig, fragments_of, joined
from tracing.swc import swc_text

SIZE = (30.0, 20.0, 20.0)
AXON = 2**40 + 7


def tube(n_sections: int = 40, step_px: int = 0) -> NDArray[np.uint64]:
    """An axon of 11 x 11 px that runs along z, each section `step_px` columns farther."""
    labels = np.zeros((n_sections, 25, 25 + step_px * n_sections), np.uint64)
    for z in range(n_sections):
        labels[z, 7:18, 7 + step_px * z : 18 + step_px * z] = AXON
    return labels


def skeleton_of(*blocks: tuple[int, NDArray[np.uint64]]) -> Skeleton:
    config = SkeletonConfig()
    found = [fragments_of(labels, first, SIZE, config)[AXON] for first, labels in blocks]
    return joined(found, config)


def test_a_straight_axon_has_a_straight_skeleton_from_end_to_end() -> None:
    skeleton = skeleton_of((0, tube()))
    assert skeleton.length_um == pytest.approx(40 * 30 / 1e3, rel=0.15)
    assert skeleton.nodes_nm[:, 0].min() <= 3 * 30
    assert skeleton.nodes_nm[:, 0].max() >= 37 * 30
    middle = (skeleton.nodes_nm[:, 0] > 200) & (skeleton.nodes_nm[:, 0] < 1000)
    np.testing.assert_allclose(skeleton.nodes_nm[middle, 1:], (12 + 0.5) * 20, atol=45)
    assert skeleton.radii_nm[middle].max() == pytest.approx(110, abs=45)


def test_an_oblique_axon_is_as_long_as_it_is() -> None:
    true_um = np.hypot(40 * 30, 40 * 2 * 20) / 1e3
    assert skeleton_of((0, tube(step_px=2))).length_um == pytest.approx(true_um, rel=0.15)


def test_every_node_lies_in_its_axon_and_comes_after_its_parent() -> None:
    labels = tube(step_px=2)
    skeleton = skeleton_of((0, labels))
    voxels = np.floor(skeleton.nodes_nm / SIZE).astype(int)
    assert (labels[tuple(voxels.T)] == AXON).all()
    assert skeleton.parents[0] == -1
    assert (skeleton.parents[1:] < np.arange(1, len(skeleton.parents))).all()
    assert (skeleton.parents[1:] >= 0).all()


def test_blocks_that_share_a_section_give_the_skeleton_of_the_whole() -> None:
    labels = tube(step_px=1)
    whole, parts = skeleton_of((0, labels)), skeleton_of((0, labels[:15]), (14, labels[14:29]), (28, labels[28:]))
    assert parts.length_um == pytest.approx(whole.length_um, rel=0.1)
    seam = parts.nodes_nm[np.isclose(parts.nodes_nm[:, 0], 14.5 * 30)]
    np.testing.assert_allclose(seam[:, 1:].mean(axis=0), np.array([12.5, 26.5]) * 20, atol=45)


def test_pieces_of_an_axon_are_one_tree() -> None:
    labels = tube()
    labels[18:22] = 0
    skeleton = skeleton_of((0, labels))
    assert (skeleton.parents == -1).sum() == 1
    assert skeleton.nodes_nm[:, 0].max() - skeleton.nodes_nm[:, 0].min() > 1000


def test_several_processes_make_the_same_skeletons() -> None:
    labels = np.concatenate([tube(), tube(step_px=0) // 7], axis=2)
    one, two = (fragments_of(labels, 0, SIZE, SkeletonConfig(), processes=n) for n in (1, 2))
    assert one.keys() == two.keys() == {AXON, AXON // 7}
    for label, skeleton in one.items():
        np.testing.assert_array_equal(skeleton.vertices, two[label].vertices)


def test_specks_have_no_skeleton() -> None:
    labels = np.zeros((4, 20, 20), np.uint64)
    labels[1:3, 4:6, 4:6] = AXON
    assert fragments_of(labels, 0, SIZE, SkeletonConfig()) == {}


def test_swc_lists_parents_first_in_micrometres_xyz() -> None:
    skeleton = Skeleton(np.array([[15.0, 10, 30], [45, 10, 30]]), np.array([100.0, 90]), np.array([-1, 0]))
    lines = swc_text(skeleton, "axon 3").splitlines()
    assert lines[0] == "# axon 3"
    assert lines[-2:] == ["1 2 0.03000 0.01000 0.01500 0.10000 -1", "2 2 0.03000 0.01000 0.04500 0.09000 1"]


def test_a_library_that_is_missing_is_named_with_what_installs_it() -> None:
    with pytest.raises(InputError, match=r"pip install -e \"\.\[export\]\""):
        required("no_such_library")
