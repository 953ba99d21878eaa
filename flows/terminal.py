"""What proofloop shows in a terminal: progress bars with rate and time left, and tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.table import Column
from rich.text import Text

from loop.progress import Progress

console = Console(stderr=True)
"""Progress and messages go to standard error, so that `--json` leaves standard output clean."""


@contextmanager
def progress_bar(name: str, unit: str) -> Iterator[Progress]:
    """Show a bar for one stretch of long work and give the listener that moves it.

    Parameters
    ----------
    name : str
        What is being done.
    unit : str
        What is counted, shown beside the rate.
    """
    bars = Bars(
        TextColumn("{task.description:<22}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=12),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _Rate(unit),
        TimeRemainingColumn(table_column=Column(no_wrap=True), elapsed_when_finished=True),
        TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=console,
    )
    with bars:
        bar = bars.add_task(name, total=None, note="")

        def listen(done: int, total: int, note: str = "") -> None:
            bars.update(bar, completed=done, total=total, note=note)

        yield listen


class _Rate(ProgressColumn):
    """Units per second, or seconds per unit where that is slower than one."""

    def __init__(self, unit: str) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Render the rate of `task`."""
        speed = task.finished_speed or task.speed
        if not speed:
            return Text(f"- {self._unit}/s", style="dim")
        return Text(f"{speed:.1f} {self._unit}/s" if speed >= 1 else f"{1 / speed:.1f} s/{self._unit}")
