"""The order of numbered section files: section_2 before section_10."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Numbered:
    """File names by the one number in which they differ.

    Attributes
    ----------
    names : tuple of str
        In ascending order of that number.
    faults : tuple of str
        Everything that keeps the names from being one gapless series.
    """

    names: tuple[str, ...]
    faults: tuple[str, ...]


def natural_order(names: Sequence[str]) -> Numbered:
    """Order file names by the number that tells them apart.

    The names must be alike but for one number, which may be padded with zeros and start anywhere.
    """
    split = {name: re.split(r"(\d+)", name) for name in sorted(names)}
    texts: dict[tuple[str, ...], list[str]] = {}
    for name, parts in split.items():
        texts.setdefault(tuple(parts[::2]), []).append(name)
    if len(texts) > 1:
        kinds = ", ".join(f"{len(alike)} like {alike[0]}" for alike in texts.values())
        return Numbered(tuple(split), (f"names of several kinds: {kinds}",))
    numbers = {name: [int(part) for part in parts[1::2]] for name, parts in split.items()}
    columns = list(zip(*numbers.values(), strict=True))
    varying = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(varying) > 1:
        first, last = min(numbers, key=numbers.__getitem__), max(numbers, key=numbers.__getitem__)
        fault = f"names that differ in {len(varying)} numbers, from {first} to {last}: these look like tiles"
        return Numbered(tuple(split), (fault,))
    place = varying[0] if varying else 0
    ordered = tuple(sorted(numbers, key=lambda name: numbers[name][place : place + 1]))
    return Numbered(ordered, _breaks(ordered, [numbers[name][place] for name in ordered] if columns else []))


def _breaks(names: Sequence[str], numbers: Sequence[int]) -> tuple[str, ...]:
    faults = []
    for before, (name, after, number) in zip(numbers, zip(names, names[1:], numbers[1:], strict=False), strict=False):
        if number == before:
            faults.append(f"{name} and {after} have the same number")
        elif number > before + 1:
            missing = str(before + 1) if number == before + 2 else f"{before + 1} to {number - 1}"
            faults.append(f"number {missing} is missing, between {name} and {after}")
    return tuple(faults)
