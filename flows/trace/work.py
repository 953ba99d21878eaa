"""The folder of an unfinished trace, as tasks hear of it: paths and settings, so that it may travel."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.trace.job import TraceInputs, TraceJob, TraceSettings
from flows.trace.store import TraceStore
from loop.atomic import write_text
from loop.errors import InputError
from loop.holding import held_beside
from loop.prediction_origin import volume_sha256


@dataclass(frozen=True)
class TraceWork:
    """What is traced, how, and in which folder; paths are absolute."""

    inputs: TraceInputs
    settings: TraceSettings
    folder: Path

    def opened(self) -> tuple[TraceJob, TraceStore]:
        """Open the volumes and the folder."""
        return TraceJob.open(self.inputs, self.settings), TraceStore(self.folder)

    @property
    def linked(self) -> Path:
        """The list of tasks that are done, up to the links."""
        return self.folder / "linked.txt"

    @property
    def expanded(self) -> Path:
        """The list of tasks that are done in expanding axons."""
        return self.folder / "expanded.txt"


@contextmanager
def unfinished(out: Path, inputs: TraceInputs, settings: TraceSettings) -> Iterator[TraceWork]:
    """Make or find the folder of an unfinished trace, for this process alone.

    Raises
    ------
    InputError
        If what lies there was made from another membrane or with other settings.
    """
    inputs = inputs.absolute()
    job = TraceJob.open(inputs, settings)
    folder = out.absolute().with_name(f"{out.name}.unfinished")
    folder.mkdir(parents=True, exist_ok=True)
    with held_beside(folder):
        _require_same(folder, _described(job))
        TraceStore(folder).create()
        yield TraceWork(inputs, settings.absolute(), folder)


def _described(job: TraceJob) -> str:
    settings = job.settings
    lines = (
        f"membrane {volume_sha256(job.membrane)}",
        f"image {volume_sha256(job.image)}",
        f"mask {volume_sha256(job.mask) if job.mask else 'none'}",
        f"voxel size {job.size}",
        f"sections {job.sections[0]}:{job.sections[-1] + 1} in {len(job.blocks())} blocks",
        f"settings {settings.tracing.model_dump_json()}",
        *map(str, job.anchors),
    )
    return "\n".join(lines) + "\n"


def _require_same(folder: Path, described: str) -> None:
    path = folder / "made_from.txt"
    if path.exists() and path.read_text(encoding="utf-8") != described:
        raise InputError(
            "an unfinished trace from something else lies there",
            given=folder,
            expected="the same volumes, sections, settings and anchors, or a name that is free",
            fix=f"remove {folder}, or choose another name after -o",
        )
    write_text(path, described)
