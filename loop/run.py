"""Where everything of a run lies."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loop.errors import InputError
from loop.ledger import Ledger


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run and the names in it."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration, `proofloop.toml`."""
        return self.root / "proofloop.toml"

    @cached_property
    def ledger(self) -> Ledger:
        """The append-only record; one reader of it, which remembers what it has read."""
        return Ledger(self.root / "ledger.jsonl")

    @property
    def labels(self) -> Path:
        """Labelled sections, a file for each version."""
        return self.root / "labels"

    @property
    def annotation(self) -> Path:
        """Everything of the embedded Label Studio."""
        return self.root / "annotation"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files."""
        return self.root / "tensorboard"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.root / "report"

    def iteration(self, number: int) -> Path:
        """Checkpoints and predictions of one iteration."""
        return self.root / "iterations" / f"{number:03d}"

    def relative(self, path: Path) -> str:
        """Name a file inside the run the way the ledger does, so that a run can be moved."""
        return str(path.relative_to(self.root))


def find_run(root: Path) -> RunFolder:
    """Give the folder of an existing run.

    Raises
    ------
    InputError
        If there is no run at `root`.
    """
    folder = RunFolder(root)
    if not folder.config.exists():
        raise InputError(
            "no run found",
            given=root,
            expected="a folder made by proofloop init, with a proofloop.toml in it",
            fix=f"run: proofloop init {root} --volume PATH --labels PATH --train 0:50 --holdout 90:100",
        )
    return folder
