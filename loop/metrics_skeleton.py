"""Expected run length: how far one can follow a true skeleton in a segmentation before an error."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class RunLength(BaseModel):
    """How far true skeletons can be followed in a segmentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    expected_nm: float
    """Expected length of the error-free run through a random point of the true skeletons."""
    perfect_nm: float
    """What it would be without an error: it depends on the volume's extent."""
    skeletons: int
    """True objects that have one."""


def expected_run_length_nm(
    nodes_nm: NDArray[np.float64],
    edges: NDArray[np.int64],
    *,
    skeletons: NDArray[np.int64],
    segments: NDArray[np.uint64],
    sure: NDArray[np.bool_] | None = None,
) -> float:
    """Give the expected length of the error-free run through a random point of the skeletons.

    Parameters
    ----------
    nodes_nm : (node, 3) float
        Positions zyx, nm.
    edges : (edge, 2) int
        Nodes that are joined, both of one skeleton.
    skeletons : (node,) int
        The skeleton of each node.
    segments : (node,) unsigned int
        The segmentation's id at each node, 0 = none.
    sure : (node,) bool, optional
        Nodes that can show a merger; by default all. Those near a boundary lie in a neighbour's segment easily.

    Returns
    -------
    float
        nm; 0 without any edge.

    Notes
    -----
    Januszewski et al., Nature Methods 15 (2018), 605: a segment that holds nodes of two skeletons is a merger, and its
    edges have run length 0, as has an edge between two segments. A run is what one segment has of one skeleton; a
    point lies in it with a probability as its length, so that the expectation is sum(run^2) / sum(all lengths).
    """
    lengths = np.linalg.norm(nodes_nm[edges[:, 0]] - nodes_nm[edges[:, 1]], axis=1)
    if not lengths.sum():
        return 0.0
    shown = slice(None) if sure is None else sure
    held = np.unique(np.column_stack((segments.astype(np.int64), skeletons))[shown], axis=0)
    ids, owners = np.unique(held[:, 0], return_counts=True)
    mergers = ids[owners > 1].astype(np.uint64)
    at_ends = segments[edges]
    whole = (at_ends[:, 0] == at_ends[:, 1]) & (at_ends[:, 0] != 0) & ~np.isin(at_ends[:, 0], mergers)
    of_runs = np.column_stack((at_ends[whole, 0].astype(np.int64), skeletons[edges[whole, 0]]))
    _, runs = np.unique(of_runs, axis=0, return_inverse=True)
    run_lengths = np.bincount(runs, weights=lengths[whole])
    return float((run_lengths**2).sum() / lengths.sum())
