"""Blocks of sections: how a volume is cut into them, and the tasks on them that one worker or many can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loop.progress import Progress

_VOXELS = 2**21
"""Of a block: some seconds of work, so that progress shows, a kill costs little and many workers have their share."""


@dataclass(frozen=True)
class Task:
    """Work on one block, which leaves its result in files.

    Attributes
    ----------
    name : str
        No other task of the same work has it.
    do : callable
        A function of a module; it may be called again after it was done, and then leaves the same.
    arguments : tuple
        Paths, settings and bounds of blocks, never arrays: they may travel to another machine.
    after : tuple of str
        Names of the tasks that come before it.
    sections : int
        How much work it is.
    urgent : bool
        Whether it goes before others, since many wait for it.
    """

    name: str
    do: Callable[..., None]
    arguments: tuple[Any, ...]
    after: tuple[str, ...] = ()
    sections: int = 1
    urgent: bool = False


Crew = Callable[[Sequence[Task], Callable[[Task], None]], None]
"""Does tasks, each after those that it names, which are listed before it; calls back after each of them."""


def do_here(tasks: Sequence[Task], finished: Callable[[Task], None]) -> None:
    """Do tasks one after another in this process."""
    for task in tasks:
        task.do(*task.arguments)
        finished(task)


def blocks_of(sections: range, shape: tuple[int, int, int], size: int | None = None) -> list[range]:
    """Cut a stretch of sections of a volume `(z, y, x)` into blocks, of `size` sections or of some seconds' work."""
    size = size or max(_VOXELS // (shape[1] * shape[2]), 1)
    return [range(start, min(start + size, sections.stop)) for start in range(sections.start, sections.stop, size)]


def do_missing(tasks: Sequence[Task], crew: Crew, done: Path, progress: Progress) -> None:
    """Do those tasks that are not in the list of what is done, and add each to it once it is.

    Parameters
    ----------
    tasks : sequence of Task
        All of them, each after those that it names.
    crew : Crew
        Does them.
    done : Path
        File with a name a line.
    progress : Progress
        Hears of the sections done.
    """
    known = set(done.read_text(encoding="utf-8").splitlines()) if done.exists() else set[str]()
    total = sum(task.sections for task in tasks)
    so_far = sum(task.sections for task in tasks if task.name in known)
    progress(so_far, total)
    missing = [task for task in tasks if task.name not in known]

    def finished(task: Task) -> None:
        nonlocal so_far
        with done.open("a", encoding="utf-8") as stream:
            stream.write(f"{task.name}\n")
        so_far += task.sections
        progress(so_far, total, task.name)

    crew(missing, finished)
