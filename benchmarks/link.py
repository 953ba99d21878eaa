r"""Measure how well perfect 2D objects are linked, beside the two plainest ways, and what it costs.

python benchmarks/link.py --volume v.h5:raw --labels v.h5:labels
python benchmarks/link.py --phantom
python benchmarks/link.py --assign

The objects of each section are those of the true labels with ids drawn anew: all of an id's pixels in a section as one
object (`ids`), or each connected piece by itself (`pieces`). A true link joins two objects of consecutive sections that
have one true id. Pieces of one id may lie far apart and meet only elsewhere in the volume, which no linker of
neighbours can know; so for pieces those true links count that share a pixel as the volume stands (`overlapping`), and
the plainest count, every pair of one id, is printed beside it (`any`). Linked are the pairs in the links table; for
`the same, as tracks` all pairs of one track, as the volume shows them: there a wrong branch counts in every section.
Precision is of all pairs linked, and in brackets of those that overlap.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.optimize import linear_sum_assignment
from skimage.measure import label

from loop.phantom import make_phantom
from loop.phantom_config import PhantomConfig
from loop.volume import Volume, open_image, open_labels
from tracing.registration import RegistrationConfig
from tracing.registration_cache import Registrar
from tracing.tracking import Step, TrackingConfig, track
from tracing.tracking_assignment import assign
from tracing.tracking_costs import Candidates, LinkCosts, Seen, candidates
from tracing.tracking_objects import measured, section_objects
from tracing.tracking_overlaps import Overlap, overlap
from tracing.tracking_tracks import TrackTable

Pairs = set[tuple[int, int]]
PIXEL_NM = 12.0


@dataclass(frozen=True)
class Stack:
    """A stack with its objects: image (z, y, x), objects (z, y, x) from 1 in each section, true id of each object."""

    image: NDArray[np.uint8]
    objects: NDArray[np.int32]
    owners: list[NDArray[np.int64]]

    def true_links(self, z: int, *, overlapping: bool) -> Pairs:
        """Give the true links between sections z and z + 1."""
        first, second = self.owners[z], self.owners[z + 1]
        links = {(i, int(j)) for i in range(1, len(first)) for j in np.flatnonzero(second == first[i])}
        return links & self.overlapping(z) if overlapping else links

    def overlapping(self, z: int) -> Pairs:
        """Give the pairs of sections z and z + 1 that share a pixel as they lie."""
        shared = self.overlap(z)
        return set(zip(shared.first.tolist(), shared.second.tolist(), strict=True))

    def overlap(self, z: int) -> Overlap:
        """Overlay sections z and z + 1 as they lie."""
        return overlap(self.objects[z], self.objects[z + 1], (len(self.owners[z]) - 1, len(self.owners[z + 1]) - 1))


def opened(options: argparse.Namespace) -> tuple[Volume, Volume]:
    """Open image and labels."""
    return open_image(options.volume), open_labels(options.labels)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volume", help="image, path:dataset")
    parser.add_argument("--labels", help="true labels, path:dataset")
    parser.add_argument("--first", type=int, default=0, help="the first section")
    parser.add_argument("--sections", type=int, default=100, help="so many from there on, at most")
    parser.add_argument("--step", type=int, default=1, help="take every n-th section")
    parser.add_argument("--shift", type=float, default=0, help="displace each section by up to so many px")
    parser.add_argument("--bend", type=float, default=0, help="and bend it by so many px, changing over 200 px")
    parser.add_argument("--phantom", action="store_true", help="shifts up to 40 px, three damaged sections")
    parser.add_argument("--assign", action="store_true", help="time the assignment of many objects")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.assign:
        time_assignment()
    if options.phantom:
        config = PhantomConfig(shift_nm=40 * PIXEL_NM, further_damaged=2)
        made = make_phantom((64, 256, 256), config=config)
        damaged = (made.damaged_section, *made.further_damaged)
        print(f"phantom, shifts up to 40 px, damaged sections {damaged}")
        compare(as_ids(made.image, made.labels))
        image, labels = made.image.copy(), made.labels.copy()
        image[list(damaged)], labels[list(damaged)] = 0, 0
        print("the same, these sections lost: neither image nor objects")
        compare(as_ids(image, labels))
    if options.volume:
        chosen = slice(options.first, options.first + options.sections * options.step, options.step)
        image, labels = (volume.sections(0, volume.shape[0])[chosen] for volume in opened(options))
        if options.shift or options.bend:
            image, labels = displaced(image, labels, options.shift, options.bend)
        for name, kind in (("ids", as_ids), ("pieces", as_pieces)):
            print(f"{options.volume}, {len(image)} sections, objects are {name}")
            compare(kind(image, labels))


def as_ids(image: NDArray[Any], labels: NDArray[Any]) -> Stack:
    """Take all pixels of an id in a section as one object."""
    return _stack(image, labels, lambda section: section)


def as_pieces(image: NDArray[Any], labels: NDArray[Any]) -> Stack:
    """Take each connected piece by itself."""
    return _stack(image, labels, lambda section: label(section, background=0, connectivity=1))


def _stack(image: NDArray[Any], labels: NDArray[Any], kind: Callable[[NDArray[Any]], NDArray[Any]]) -> Stack:
    rng = np.random.default_rng(0)
    objects = np.zeros(labels.shape, np.int32)
    owners: list[NDArray[np.int64]] = []
    for z, section in enumerate(labels):
        ids, compact = np.unique(np.append(0, kind(section)), return_inverse=True)
        drawn = np.concatenate([[0], 1 + rng.permutation(len(ids) - 1)])
        objects[z] = drawn[compact[1:]].reshape(section.shape)
        owner = np.zeros(len(ids), np.int64)
        owner[objects[z].ravel()] = section.ravel()
        owners.append(owner)
    return Stack(image, objects, owners)


def displaced(
    image: NDArray[Any], labels: NDArray[Any], shift_px: float, bend_px: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Displace and bend every section by itself, and change its contrast; what is moved in from outside is 0."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[: image.shape[1], : image.shape[2]].astype(np.float32)
    grey, ids = np.empty_like(image), np.empty_like(labels)
    for z in range(len(image)):
        knots = rng.standard_normal((2, *(n // 200 + 4 for n in image.shape[1:])))
        bend = [map_coordinates(grid, [rows / 200 + 1, columns / 200 + 1], order=3) for grid in knots]
        slip = rng.uniform(-shift_px, shift_px, 2)
        at = [rows + bend_px * bend[0] + slip[0], columns + bend_px * bend[1] + slip[1]]
        seen = map_coordinates(image[z].astype(np.float32), at, order=1)
        changed = (seen - 128) * np.exp(rng.normal(0, 0.2)) + 128 + rng.normal(0, 15)
        grey[z] = np.clip(np.where(seen > 0, changed, 0), 0, 255)
        ids[z] = map_coordinates(labels[z], at, order=0)
    return grey, ids


def compare(stack: Stack) -> None:
    """Print recall and precision of three ways to link."""
    print(f"  {'':28s} recall: any  overlapping  precision  s/section  (precision of those that overlap)")
    for name, linker in (
        ("proofloop link", tracked),
        ("the same, as tracks", as_tracks),
        ("IoU, Hungarian, unregistered", by_iou),
        ("most overlap", most),
    ):
        began = time.process_time()
        linked = dict(linker(stack))
        seconds = (time.process_time() - began) / len(stack.image)
        right = [0, 0]
        true = [0, 0]
        for z in range(len(stack.image) - 1):
            for column, overlapping in enumerate((False, True)):
                links = stack.true_links(z, overlapping=overlapping)
                true[column] += len(links)
                right[column] += len(links & linked[z])
        made = sum(map(len, linked.values()))
        near = sum(len(pairs & stack.overlapping(z)) for z, pairs in linked.items())
        print(
            f"  {name:28s} {right[0] / true[0]:11.4f} {right[1] / true[1]:12.4f} {right[0] / made:10.4f}"
            f" {seconds:10.3f}  ({right[1] / near:.4f})",
            flush=True,
        )


def tracked(stack: Stack) -> Iterator[tuple[int, Pairs]]:
    """Link by registration, assignment and branches."""
    for step in _steps(stack):
        z = step.section.z
        near = [links for links in step.links if links.z == z - 1]
        if z:
            yield (
                z - 1,
                {pair for links in near for pair in zip(links.first.tolist(), links.second.tolist(), strict=True)},
            )


def as_tracks(stack: Stack) -> Iterator[tuple[int, Pairs]]:
    """Give all pairs of one track, as links make them."""
    table = TrackTable()
    for step in _steps(stack):
        table.add_section(len(step.section), step.anchored)
        table.links += step.links
    tracks, *_ = table.tracks()
    for z, (first, second) in enumerate(pairwise(tracks)):
        same = np.argwhere(first[1:, None] == second[1:]) + 1
        yield z, set(map(tuple, same.tolist()))


def _steps(stack: Stack) -> Iterator[Step]:
    sections = (
        section_objects(z, objects, image, pixel_nm=PIXEL_NM)
        for z, (objects, image) in enumerate(zip(stack.objects, stack.image, strict=True))
    )
    return track(sections, Registrar(PIXEL_NM, RegistrationConfig()), TrackingConfig())


def by_iou(stack: Stack) -> Iterator[tuple[int, Pairs]]:
    """Link by a dense Hungarian assignment on intersection over union, as the sections lie."""
    for z in range(len(stack.image) - 1):
        shared = stack.overlap(z)
        table = np.zeros((len(shared.first_px), len(shared.second_px)))
        table[shared.first, shared.second] = shared.iou()
        first, second = linear_sum_assignment(-table)
        chosen = table[first, second] > 0
        yield z, set(zip(first[chosen].tolist(), second[chosen].tolist(), strict=True))


def most(stack: Stack) -> Iterator[tuple[int, Pairs]]:
    """Link each object to the one in the next section with which it shares most pixels."""
    for z in range(len(stack.image) - 1):
        shared = stack.overlap(z)
        order = np.argsort(shared.shared_px, kind="stable")
        yield z, set(dict(zip(shared.first[order].tolist(), shared.second[order].tolist(), strict=True)).items())


def time_assignment() -> None:
    """Time costs and assignment of 500 and 5,000 objects at the same density, moved by up to 5 px."""
    seconds = []
    for side in (23, 71):
        n = side * side
        plane = np.kron(np.arange(1, n + 1).reshape(side, side), np.ones((16, 16))).astype(np.int32)
        plane[::16], plane[:, ::16] = 0, 0
        later = np.roll(np.random.default_rng(0).permutation(n + 1)[plane] * (plane > 0), (5, 3), (0, 1)).astype(
            np.int32
        )
        grey = np.zeros(plane.shape, np.float32)
        began = time.process_time()
        first, second = (Seen(some, measured(some, grey, n)) for some in (plane, later))
        pairs: Candidates = candidates(first, second, LinkCosts(), pixel_nm=PIXEL_NM)
        costed = time.process_time()
        links = assign(pairs, (n, n), ending=LinkCosts().ending).links
        ended = time.process_time()
        seconds.append(ended - began)
        print(
            f"{n} objects, {len(pairs.cost)} candidates, {len(links.cost)} links:"
            f" costs {costed - began:.3f} s, assignment {ended - costed:.3f} s"
        )
    print(f"ratio {seconds[1] / seconds[0]:.1f} for {71 * 71 / 23 / 23:.1f} times the objects")


if __name__ == "__main__":
    main()
