"""Centre lines of axons: a tree of nodes in nm for each, from a block of labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from loop.volume_stored import VoxelSize
from tracing.extra import required

_NEVER = 1e12
"""A radius, nm, that no axon has: from it on, kimimaro would look for a soma."""


class SkeletonConfig(BaseModel):
    """How skeletons are made: kimimaro's TEASAR (Sato et al. 2000), for axons."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    scale: float = Field(default=1.5, ge=0)
    """A found path takes in what is nearer to it than this many times its radius there, plus `const_nm`."""
    const_nm: float = Field(default=300, ge=0)
    """Added to that, nm. Larger values leave out more side branches."""
    tick_nm: float = Field(default=1000, ge=0)
    """Side branches shorter than this are taken off, nm."""
    smallest_um3: float = Field(default=0.005, ge=0)
    """Pieces of an axon within a block that are smaller than this are passed over, cubic micrometres."""
    pixel_nm: float = Field(default=40, gt=0)
    """Pixels of a section are left out where they lie closer than this, nm; 1 takes all and is much slower."""


@dataclass(frozen=True)
class Skeleton:
    """The centre line of an axon, one tree.

    Attributes
    ----------
    nodes_nm : (node, 3) float64
        Positions zyx from the volume's first corner, nm, in the middle of voxels: voxel `i` lies at `(i + 0.5) * size`.
    radii_nm : (node,) float64
        Distance to the axon's surface.
    parents : (node,) int64
        The node before each, which has a lower number; -1 of the first.
    """

    nodes_nm: NDArray[np.float64]
    radii_nm: NDArray[np.float64]
    parents: NDArray[np.int64]

    @property
    def edges(self) -> NDArray[np.int64]:
        """Pairs `(edge, 2)` of a node and its parent."""
        children = np.arange(1, len(self.parents))
        return np.stack((children, self.parents[1:]), axis=1)

    @property
    def length_um(self) -> float:
        """Of all edges."""
        ends = self.nodes_nm[self.edges]
        return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum()) / 1e3


def fragments_of(
    labels: NDArray[Any], first: int, voxel_size_nm_zyx: VoxelSize, config: SkeletonConfig, *, processes: int = 1
) -> dict[int, Any]:
    """Give the skeletons of the axons in a block of whole sections.

    Parameters
    ----------
    labels : ndarray of unsigned int, shape (z, y, x)
        Blocks that follow each other share a section: what goes through it ends there in one and the same point.
    first : int
        The section where the block begins.
    voxel_size_nm_zyx : tuple of float
        Size of a voxel.
    config : SkeletonConfig
        How.
    processes : int
        Processes that share the axons.

    Returns
    -------
    dict
        By id, kimimaro's skeletons, zyx in nm of the volume, for `joined`.

    Raises
    ------
    InputError
        If kimimaro is not installed.
    """
    kimimaro = required("kimimaro")
    step = [max(1, int(config.pixel_nm // size)) for size in voxel_size_nm_zyx[1:]]
    looked_at = np.ascontiguousarray(labels[:, :: step[0], :: step[1]])
    size = np.array((voxel_size_nm_zyx[0], step[0] * voxel_size_nm_zyx[1], step[1] * voxel_size_nm_zyx[2]))
    found: dict[int, Any] = kimimaro.skeletonize(
        looked_at,
        teasar_params={
            "scale": config.scale,
            "const": config.const_nm,
            "pdrf_scale": 1e5,
            "pdrf_exponent": 4,
            "soma_detection_threshold": _NEVER,
            "soma_acceptance_threshold": _NEVER,
            "soma_invalidation_scale": 0,
            "soma_invalidation_const": 0,
        },
        anisotropy=tuple(size.tolist()),
        dust_threshold=int(config.smallest_um3 * 1e9 / size.prod()),
        progress=False,
        fix_borders=True,
        parallel=processes,
    )
    for skeleton in found.values():
        # by voxel numbers, so that two blocks give a point that they share the very same position
        voxels = np.rint(skeleton.vertices / size) * (1, *step) + (first, 0, 0)
        skeleton.vertices = ((voxels + 0.5) * voxel_size_nm_zyx).astype(np.float32)
    return {int(label): skeleton for label, skeleton in found.items()}


def joined(fragments: Sequence[Any], config: SkeletonConfig) -> Skeleton:
    """Make one tree of an axon's skeletons in successive blocks, or of its pieces.

    Points that blocks share become one, short side branches are taken off, loops are cut, and pieces that do not touch
    are joined where they are nearest.
    """
    kimimaro, osteoid = required("kimimaro"), required("osteoid")
    whole = osteoid.Skeleton.simple_merge(list(fragments)).consolidate()
    pruned = kimimaro.postprocess(whole, dust_threshold=0, tick_threshold=config.tick_nm)
    whole = kimimaro.join_close_components([pruned if len(pruned.vertices) else whole])
    return _tree(whole.vertices.astype(np.float64), whole.radii.astype(np.float64), whole.edges.astype(np.int64))


def _tree(nodes_nm: NDArray[np.float64], radii_nm: NDArray[np.float64], edges: NDArray[np.int64]) -> Skeleton:
    """Order nodes from an end, the first in zyx, so that each comes after its parent."""
    lengths = np.linalg.norm(nodes_nm[edges[:, 0]] - nodes_nm[edges[:, 1]], axis=1)
    n_nodes = len(nodes_nm)
    graph = coo_array((np.maximum(lengths, 1e-6), (edges[:, 0], edges[:, 1])), shape=(n_nodes, n_nodes))
    tree = minimum_spanning_tree(graph.tocsr())
    ends = np.flatnonzero(np.bincount(edges.ravel(), minlength=n_nodes) <= 1)
    candidates = ends if len(ends) else np.arange(n_nodes)
    root = candidates[np.lexsort(nodes_nm[candidates].T[::-1])[0]]
    order, before = breadth_first_order(tree, root, directed=False)
    place = np.full(n_nodes, -1)
    place[order] = np.arange(len(order))
    parents = np.concatenate(([-1], place[before[order[1:]]]))
    return Skeleton(nodes_nm[order], radii_nm[order], parents)
