"""`proofloop demo`: phantom or given volume, the whole loop through Label Studio, one closing table."""

from pathlib import Path
from typing import Literal

from flows.config import DataConfig
from flows.initialise import init_run, plan
from flows.running import iterate_until
from flows.runs import open_run
from flows.terminal import console, progress_bar
from loop.errors import InputError
from loop.phantom import make_phantom, write_phantom
from loop.volume import open_image

DENSE_SECTIONS = 8
HOLDOUT_SECTIONS = 10
"""Of a short volume at most a quarter each."""
STEPS = 300
"""Training steps of each turn: about half a minute on two cores."""


def run_demo(
    out: Path,
    *,
    iterations: int,
    annotator: Literal["oracle", "human"],
    volume: str | None,
    labels: str | None,
) -> None:
    """Run the demo in `out`, or go on with the one that is there."""
    run = out / "run"
    if not run.exists():
        if (volume is None) != (labels is None):
            raise InputError(
                "the demo got a volume without labels, or labels without a volume",
                given=f"--volume {volume} --labels {labels}",
                expected="both, or neither for the phantom",
                fix="give both",
            )
        image, truth = (volume, labels) if volume and labels else _phantom(out / "phantom.h5")
        n_sections = open_image(image).shape[0]
        dense, measured = (min(most, n_sections // 4) for most in (DENSE_SECTIONS, HOLDOUT_SECTIONS))
        train, holdout = f"0:{dense}", f"{n_sections - measured}:{n_sections}"
        data = DataConfig(volume=image, labels=truth, train=train, holdout=holdout)
        config = plan(data, annotator=annotator)
        init_run(run, config.model_copy(update={"training": config.training.model_copy(update={"steps": STEPS})}))
    train = open_run(run).config.data.train
    console.print(f"Demo in {out}: dense sections {train} to begin with, annotator: {annotator}")
    iterate_until(run, iterations)
    console.print(f"Look into the tasks: proofloop annotator up {run}; stop the server: proofloop annotator down {run}")
    console.print(f"For a fresh demo remove {out}")


def _phantom(path: Path) -> tuple[str, str]:
    if not path.exists():
        with progress_bar("grow a serial-section phantom", "sections") as progress:
            write_phantom(path, make_phantom(progress=progress))
    return f"{path}:raw", f"{path}:labels"
