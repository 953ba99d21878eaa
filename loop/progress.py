"""How long work tells a listener how far it is, without knowing whether anyone watches."""

from typing import Protocol


class Progress(Protocol):
    """A listener for long work: called with the units done so far and in all."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Hear that `done` of `total` units are finished; `note` is a short figure to show beside the bar."""


def silent(done: int, total: int, note: str = "") -> None:
    """Listen to nothing."""


def part_of(progress: Progress, number: int, count: int) -> Progress:
    """Tell of the units of part `number` of `count` as units of the whole."""

    def told(done: int, total: int, note: str = "") -> None:
        progress(number * total + done, count * total, note)

    return told
