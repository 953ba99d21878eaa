r"""Time labels -> validated payload and annotation -> labels, beside scikit-image's contours of one object at a time.

python benchmarks/contours.py                                        a phantom of 1024 x 1024 px
python benchmarks/contours.py --labels v.h5:labels --sections 0:100:7   real sections, put together two by two

Times are medians in milliseconds. The baseline draws every object by `find_contours` and `approximate_polygon` with the
same tolerance; it shares no arcs, so neighbours gape or overlap.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from label_studio_sdk.label_interface.interface import LabelInterface
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter
from skimage.measure import approximate_polygon, find_contours

from annotation.boundaries import pieces_of
from annotation.confidence import confidence_of
from annotation.contours import DETAIL, Contour, contours_of
from annotation.correction import PreAnnotation, correct
from annotation.project import labelling_interface
from annotation.rasterising import paint
from annotation.regions import parse_regions, polygon_region, region_id
from loop.phantom import make_phantom
from loop.phantom_config import PhantomConfig
from loop.volume import open_labels

Labels = NDArray[np.uint32]
REPEATS = 9


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", help="instance labels, path:dataset")
    parser.add_argument("--sections", default="0:100:7", help="start:stop:step")
    options = parser.parse_args()
    images = _phantom() if options.labels is None else _mosaics(options.labels, options.sections)
    interface = LabelInterface(labelling_interface())
    print(
        "  px        objects | to payload (contours, confidence, check) baseline | back untouched, all changed |   MB"
    )
    for labels in images:
        _times(labels, interface)
        _shapes(labels)


def _phantom() -> Iterator[Labels]:
    config = PhantomConfig(median_radius_nm=160)
    yield np.asarray(make_phantom((4, 1024, 1024), 1, config=config).labels[1], np.uint32)


def _mosaics(name: str, sections: str) -> Iterator[Labels]:
    """Put two sections side by side, with ids of their own."""
    labels = open_labels(name)
    chosen = [labels.section(z).astype(np.uint32) for z in range(*map(int, sections.split(":")))]
    for left, right in zip(chosen[::2], chosen[1::2], strict=False):
        yield np.concatenate([left, np.where(right > 0, right + left.max(), 0)], axis=1).astype(np.uint32)


def _times(labels: Labels, interface: LabelInterface) -> None:
    shape = (labels.shape[0], labels.shape[1])
    membrane = np.clip(2 * gaussian_filter((labels == 0).astype(np.float32), 1), 0, 1).astype(np.float32)
    contours = contours_of(labels)
    result = _result(contours, shape)
    prediction = {"model_version": "m", "score": 0.5, "result": result}

    def check() -> None:
        if parse_regions(result, shape)[1] or interface.validate_prediction(dict(prediction), return_errors=True):
            raise SystemExit("the payload is not valid")

    whole = [
        _ms(lambda: _result(contours_of(labels), shape)),
        _ms(lambda: confidence_of(pieces_of(labels), membrane)),
        _ms(check),
    ]
    before = PreAnnotation(0, labels, contours, membrane)
    changed = [
        region | {"value": region["value"] | {"points": [[x + 0.1, y] for x, y in region["value"]["points"][:1]]
        + region["value"]["points"][1:]}}
        for region in result
    ]  # fmt: skip
    back = [_ms(lambda one=one: correct(before, parse_regions(one, shape)[0])) for one in (result, changed)]
    print(
        f"{shape[0]:4d} x {shape[1]:4d} {len(contours):7d} | {sum(whole):8.0f}"
        f" ({', '.join(f'{part:.0f}' for part in whole)}) {_ms(lambda: _baseline(labels), 3):6.0f}"
        f" | {back[0]:.0f}, {back[1]:.0f} | {len(json.dumps(result)) / 1e6:.3f}",
        flush=True,
    )


def _shapes(labels: Labels) -> None:
    """Print how well contours cover their pieces, each by itself."""
    pieces, contours = pieces_of(labels), contours_of(labels)
    areas = np.bincount(pieces.ravel())[1:]
    iou = []
    for number, (contour, window) in enumerate(zip(contours, find_objects(pieces), strict=True), start=1):
        around = tuple(slice(max(side.start - 4, 0), side.stop + 4) for side in window)
        own = pieces[around] == number
        origin = np.array([around[1].start, around[0].start])
        drawn = paint([contour.points - origin], np.ones(1, np.uint32), (own.shape[0], own.shape[1])) > 0
        iou.append((own & drawn).sum() / (own | drawn).sum())
    vertices = np.array([len(contour.points) for contour in contours])
    large, over = areas > DETAIL.small_px, vertices > DETAIL.vertices
    print(
        f"   IoU >= {min(np.array(iou)[large]):.4f} above {DETAIL.small_px} px, >= {min(iou):.4f} in all;"
        f" vertices: mean {vertices.mean():.1f}, most {vertices.max()}, above {DETAIL.vertices}: {over.sum()}"
    )


def _result(contours: list[Contour], shape: tuple[int, int]) -> list[dict[str, Any]]:
    return [polygon_region(region_id(0, contour), contour.points, shape) for contour in contours]


def _baseline(labels: Labels) -> list[NDArray[Any]]:
    pieces = pieces_of(labels)
    lines: list[NDArray[Any]] = []
    for number, window in enumerate(find_objects(pieces), start=1):
        own = np.pad(pieces[window] == number, 1)
        lines += [approximate_polygon(line, DETAIL.tolerance_px) for line in find_contours(own, 0.5)]
    return lines


def _ms(work: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        begun = perf_counter()
        work()
        times.append(perf_counter() - begun)
    return 1000 * median(times)


if __name__ == "__main__":
    main()
