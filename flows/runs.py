"""An opened run: its folder, configuration and volumes, checked against each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.config import RunConfig, read_config
from flows.data_config import DataConfig
from loop.events import Ingested
from loop.holding import held
from loop.ledger import Ledger
from loop.places import Place
from loop.run import RunFolder, find_run
from loop.section_range import parse_sections, require_disjoint
from loop.volume import Volume, open_image, open_labels


@dataclass(frozen=True)
class Run:
    """Everything that a step needs to know about a run."""

    folder: RunFolder
    config: RunConfig
    image: Volume
    labels: Volume
    sections: dict[str, tuple[int, ...]]

    @property
    def ledger(self) -> Ledger:
        """The append-only record."""
        return self.folder.ledger

    @property
    def name(self) -> str:
        """The run's folder name."""
        return self.folder.root.resolve().name

    @property
    def data(self) -> DataConfig:
        """Volume, labels and the purpose of the sections."""
        return self.config.data

    def describe(self) -> str:
        """Say in a line what the run works on."""
        z, y, x = self.image.shape
        counts = ", ".join(f"{len(found)} {name}" for name, found in self.sections.items())
        return f"{z} sections of {y} x {x} px; {counts}"

    def unlabelled_pool(self) -> list[int]:
        """Sections of the pool that may be asked for, as a whole or in part."""
        resting = self.resting()
        return [z for z in self.sections["pool"] if Place(z) not in resting]

    def resting(self) -> set[Place]:
        """Sections and tiles that are not to be asked for: labelled, with annotators, or skipped in the last turn."""
        closed = self.ledger.of_kind(Ingested)
        skipped = closed[-1].skipped if closed else ()
        return {*self.ledger.answered(), *self.ledger.left_open().values(), *skipped}


def open_run(root: Path) -> Run:
    """Open a run made by `proofloop init`."""
    folder = find_run(root)
    config = read_config(folder.config)
    image, labels = open_image(config.data.volume), open_labels(config.data.labels)
    return Run(folder, config, image, labels, sections_of(config, image))


@contextmanager
def at_work_on(root: Path) -> Iterator[Run]:
    """Open a run for a stage that changes it; another process that wants to do so meanwhile is refused."""
    run = open_run(root)
    with held(root):
        yield run


def sections_of(config: RunConfig, image: Volume) -> dict[str, tuple[int, ...]]:
    """Read which sections train, may be annotated, and measure; refuse any overlap."""
    sections = {
        name: parse_sections(getattr(config.data, name), name=name, n_sections=image.shape[0])
        for name in ("train", "pool", "holdout")
    }
    require_disjoint(sections)
    return sections
