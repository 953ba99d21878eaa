"""What the drift alarm notices, beside what each change of the pool costs the model.

    python benchmarks/drift.py --run RUN --iteration 1

The run's pool is made brighter, darker, flatter, blurred or noisy, predicted by the model of that iteration, and
compared with the sections learnt from as the gate does. A change that costs nothing needs no alarm; one that does
should not pass unnoticed. The pool needs labels, for its VOI (split + merge, bits, mean per section).
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from flows.drifting import pool_drift
from flows.evaluation import agreement_of_membrane
from flows.predicting import predict_into
from flows.predictor import Predictor
from flows.runs import Run, open_run
from loop.drift import Drift
from loop.events import Trained
from loop.metrics import mean_agreement
from loop.predictions import PredictionStore
from loop.volume import open_image

Section = NDArray[Any]
_RNG = np.random.default_rng(0)
_LEVELS = (25, 40, 60, 80, -25, -40, -60)
CHANGES: Mapping[str, Callable[[Section], Section]] = {
    "none": lambda grey: grey,
    **{f"{by:+d} grey levels": lambda grey, by=by: grey + by for by in _LEVELS},
    "contrast x 0.6": lambda grey: (grey - grey.mean()) * 0.6 + grey.mean(),
    "blur of 1.5 px": lambda grey: gaussian_filter(grey, 1.5),
    "noise of 25 levels": lambda grey: grey + _RNG.normal(0, 25, grey.shape),
}


def main() -> None:
    """Print a row for each change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--iteration", type=int, default=1)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="only every so many sections of the pool")
    options = parser.parse_args()
    run = open_run(options.run)
    prediction = run.config.prediction.model_copy(update={"variants": options.views})
    run = replace(run, config=run.config.model_copy(update={"prediction": prediction}))
    print("| pool | VOI | alarm | why |\n|---|---|---|---|")
    for name, change in CHANGES.items():
        voi, drift = changed(run, options.iteration, change, every=options.every)
        print(f"| {name} | {voi:.3f} | {'yes' if drift.alarm else 'no'} | {drift.words} |", flush=True)


def changed(run: Run, iteration: int, change: Callable[[Section], Section], *, every: int) -> tuple[float, Drift]:
    """Change the pool's images, predict some, and give their VOI and what the gate would say of drift."""
    pool = run.unlabelled_pool()
    some = pool[::every]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.zarr"
        shape = run.image.shape
        image = zarr.create_array(path, shape=shape, dtype="uint8", chunks=(1, *shape[1:]))
        for z in range(shape[0]):
            grey = run.image.section(z)
            image[z] = np.clip(change(grey.astype(np.float64)), 0, 255).astype(np.uint8) if z in pool else grey
        seen = replace(run, image=open_image(path), sections=run.sections | {"pool": tuple(some)})
        store = PredictionStore.create(Path(folder) / "p.zarr", shape=shape, voxel_size_nm_zyx=None)
        model = run.folder.root / run.ledger.finished(Trained, iteration).checkpoint
        sections = sorted([*some, *run.sections["holdout"]])
        predict_into(store, Predictor(model, run.config.prediction), seen.image, sections=sections)
        found = [agreement_of_membrane(store.membrane(z), run.labels.section(z), run.config.seeding) for z in some]
        return mean_agreement(found).voi, pool_drift(seen, store)


if __name__ == "__main__":
    main()
