"""A run's axons, traced with its promoted model into RUN/axons."""

from pathlib import Path

from flows.predicted import promoted_model
from flows.runs import open_run
from flows.serving.progress_artifact import shown_progress
from flows.trace.source import predicted_membrane, settings_of, traced
from flows.trace.stages import trace
from loop.errors import InputError
from loop.holding import held


def trace_run(root: Path, sections: str) -> str:
    """Trace a run as `proofloop trace RUN` does; give the file, which holds what the model of one iteration makes.

    Raises
    ------
    InputError
        No model is promoted yet, or another process traces this run.
    """
    run = open_run(root)
    promoted = promoted_model(run)
    if promoted is None:
        raise InputError(
            "no model is promoted yet", given=root, expected="a run after its first turn", fix="let it take a turn"
        )
    folder = root / "axons"
    folder.mkdir(exist_ok=True)
    out = folder / f"{promoted.iteration:03d}{'-' + sections.replace(':', '-') if sections else ''}.h5"
    if out.exists():
        return f"{out} is there already"
    options = {"sections": sections, "mask": None, "anchors": None, "voxel_size_nm_zyx": None}
    with held(folder):
        with shown_progress("predict for tracing", "sections") as progress:
            membrane = predicted_membrane(str(root), out, model=None, sections=sections, progress=progress)
        with shown_progress("trace", "sections") as progress:
            done = trace(
                traced(str(root), membrane, options), out, settings_of(str(root), None, None), progress=progress
            )
    return f"{done.out}: {done.tracks} axons and pieces of axons"
