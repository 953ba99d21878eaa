"""Seconds to score 1 Gvoxel of labels, in blocks as `proofloop evaluate` reads them, beside scikit-image on a part.

`python benchmarks/scoring.py VOLUME:labels`: the labels against themselves moved by a few px, again and again until
1 Gvoxel is counted; scikit-image scores the first pass only, and is checked to agree.
"""

import argparse
import resource
import time

import numpy as np
from skimage.metrics import adapted_rand_error, variation_of_information

from loop.contingency import contingency, merged
from loop.metrics_partition import partition_scores
from loop.volume import open_labels

VOXELS = 10**9
BLOCK_SECTIONS = 16


def main() -> None:
    """Print both rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", help="path[:dataset]")
    volume = open_labels(parser.parse_args().labels)
    truth = volume.sections(0, volume.shape[0])
    moved = np.roll(truth, (3, 5), axis=(1, 2))
    began, counted, table = time.perf_counter(), 0, None
    while counted < VOXELS:
        for start in range(0, len(truth), BLOCK_SECTIONS):
            block = slice(start, start + BLOCK_SECTIONS)
            found = contingency(moved[block], truth[block])
            table = found if table is None else merged([table, found])
            counted += truth[block].size
        if counted == truth.size and table is not None:
            once = partition_scores(table)
    ours = time.perf_counter() - began
    began = time.perf_counter()
    split, merge = variation_of_information(truth, moved, ignore_labels=(0,))
    error, _, _ = adapted_rand_error(truth, moved, ignore_labels=(0,))
    theirs = (time.perf_counter() - began) * counted / truth.size
    np.testing.assert_allclose(
        (once.voi_split, once.voi_merge, once.adapted_rand_error), (split, merge, error), atol=1e-6
    )
    print(f"{counted / 1e9:.2f} Gvoxel in {ours:.1f} s; at scikit-image's rate {theirs:.0f} s: {theirs / ours:.1f}x")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB, the volume included")


if __name__ == "__main__":
    main()
