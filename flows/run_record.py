"""What is on record of a run, read without its volumes and without what trains and predicts, slow to import."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from flows.data_config import DataConfig
from loop.ledger import Ledger
from loop.run import RunFolder, find_run


@dataclass(frozen=True)
class RunRecord:
    """A run's ledger, and what the run is about."""

    folder: RunFolder
    data: DataConfig

    @property
    def ledger(self) -> Ledger:
        """The append-only record."""
        return self.folder.ledger

    @property
    def name(self) -> str:
        """The run's folder name."""
        return self.folder.root.resolve().name


def open_record(root: Path) -> RunRecord:
    """Open what is on record of a run; of its configuration only `[data]` is looked at.

    Raises
    ------
    InputError
        If there is no run, or its configuration cannot be read.
    """
    folder = find_run(root)
    try:
        data = DataConfig.model_validate(tomllib.loads(folder.config.read_text(encoding="utf-8"))["data"])
    except (tomllib.TOMLDecodeError, KeyError, ValidationError):
        from flows.config import read_config  # says all that is wrong with it

        data = read_config(folder.config).data
    return RunRecord(folder, data)
