r"""Peak memory of `proofloop link` or `trace` on a volume that is much larger: a phantom, repeated and mirrored.

python benchmarks/memory.py trace --sections 640 --tile 2 --cap-gib 1

The phantom has 32 x 256 x 256 voxels; `--tile N` repeats it N x N times in each section, and sections go back and forth
through it, so that axons go on through the whole volume. Everything lies in Zarr folders. The work runs in a process
of its own of which the kernel lets no more than `--cap-gib` be data (RLIMIT_DATA); with more it dies. Printed are the
most memory that it held (VmHWM, libraries included), what it held before it began, and the bytes of what it read and
wrote, uncompressed.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import zarr

from loop.phantom import VOXEL_SIZE_NM_ZYX, make_phantom

DEPTH, SIDE = 32, 256


def main() -> None:
    """Write the volume, start the work, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["link", "trace"])
    parser.add_argument("--sections", type=int, default=640)
    parser.add_argument("--tile", type=int, default=2)
    parser.add_argument("--cap-gib", type=float, default=1.0)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        resource.setrlimit(resource.RLIMIT_DATA, (int(options.cap_gib * 2**30),) * 2)
        do(options.what, options.work)
        return
    folder = Path(tempfile.mkdtemp(prefix="memory-"))
    try:
        write(folder / "v.zarr", options.sections, options.tile)
        words = [sys.executable, __file__, options.what, "--cap-gib", str(options.cap_gib), "--work", str(folder)]
        subprocess.run(words, check=True)
        voxels = options.sections * (options.tile * SIDE) ** 2
        each = {"link": 1 + 2 + 4, "trace": 1 + 1 + 1 + 4 + 4}[options.what]  # read, and kept until it is done
        print(f"{options.what}: {voxels / 1e6:.0f} Mvoxel, {voxels * each / 2**30:.2f} GiB read and written")
    finally:
        shutil.rmtree(folder)


def write(path: Path, sections: int, tile: int) -> None:
    """Write image, membrane and labels of each section, which are those of the phantom back and forth."""
    phantom = make_phantom((DEPTH, SIDE, SIDE))
    group = zarr.open_group(path, mode="w")
    shape = (sections, tile * SIDE, tile * SIDE)
    attributes = {"voxel_size_nm_zyx": list(VOXEL_SIZE_NM_ZYX)}
    arrays = {
        name: group.create_array(name, shape=shape, chunks=(1, *shape[1:]), dtype=dtype, attributes=attributes)
        for name, dtype in (("raw", "uint8"), ("membrane", "uint8"), ("labels", "uint16"))
    }
    count = int(phantom.labels.max())
    for z in range(sections):
        at = z % (2 * DEPTH - 2)
        at = at if at < DEPTH else 2 * DEPTH - 2 - at
        labels = phantom.labels[at]
        arrays["raw"][z] = np.tile(phantom.image[at], (tile, tile))
        arrays["membrane"][z] = np.tile(np.where(labels > 0, 0, 255).astype(np.uint8), (tile, tile))
        far = np.kron(np.arange(tile * tile).reshape(tile, tile) * count, np.ones((SIDE, SIDE), np.uint16))
        repeated = np.tile(labels, (tile, tile))
        arrays["labels"][z] = np.where(repeated > 0, repeated + far, 0).astype(np.uint16)


def do(what: str, folder: Path) -> None:
    """Link or trace, and print the most memory held."""
    import cv2

    from flows.config import TracingConfig
    from flows.link import Inputs, link
    from flows.trace.job import TraceInputs, TraceSettings
    from flows.trace.stages import trace

    cv2.setNumThreads(1)
    before = held("VmRSS")
    if what == "link":
        link(Inputs(labels=f"{folder}/v.zarr:labels", raw=f"{folder}/v.zarr:raw"), folder / "a.zarr", cache=folder)
    else:
        inputs = TraceInputs(image=f"{folder}/v.zarr:raw", membrane=f"{folder}/v.zarr:membrane")
        trace(inputs, folder / "a.zarr", TraceSettings(TracingConfig(), folder / "cache"))
    print(f"{what}: at most {held('VmHWM'):.2f} GiB held, {before:.2f} GiB before it began")


def held(what: str) -> float:
    """Give memory of this process in GiB, VmRSS or VmHWM (Linux)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(lines[what].split()[0]) / 2**20


if __name__ == "__main__":
    main()
