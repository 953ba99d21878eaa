"""Sections as people type them: `0:50` is sections 0 to 49, `0:8,60:64` is two such ranges."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import PlainSerializer, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import from_json

from loop.errors import InputError


def parse_sections(text: str, *, name: str, n_sections: int) -> tuple[int, ...]:
    """Read `start:stop[,start:stop...]` and check it against the volume's number of sections.

    Parameters
    ----------
    text : str
        Ranges as typed; `stop` itself is not included.
    name : str
        What the sections are for, named in errors.
    n_sections : int
        Sections of the volume.

    Returns
    -------
    tuple of int
        Section indices z, ascending, each once.
    """
    sections: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", part)
        if match is None:
            raise InputError(
                f"{name} is not a range of sections",
                given=repr(text),
                expected="start:stop, for instance 0:50 for sections 0 to 49; several with commas",
                fix=f"write --{name} START:STOP",
            )
        start, stop = int(match[1]), int(match[2])
        if not 0 <= start < stop <= n_sections:
            raise InputError(
                f"{name} does not fit the volume",
                given=f"{part.strip()} for a volume of {n_sections} sections",
                expected=f"0 <= start < stop <= {n_sections}",
                fix=f"write --{name} within 0:{n_sections}",
            )
        sections.update(range(start, stop))
    return tuple(sorted(sections))


def parse_stretch(text: str, *, name: str, n_sections: int) -> tuple[int, int]:
    """Read one `start:stop` within the volume; nothing typed is all of it."""
    runs = runs_of(parse_sections(text or f"0:{n_sections}", name=name, n_sections=n_sections))
    if len(runs) > 1:
        raise InputError(
            f"{name} is not one stretch of sections",
            given=text,
            expected="neighbouring sections, for instance 90:100",
            fix="name one stretch after the other",
        )
    return runs[0]


def format_sections(sections: Iterable[int]) -> str:
    """Write sections the way `parse_sections` reads them."""
    return ",".join(f"{start}:{stop}" for start, stop in runs_of(sections))


def _read(value: Any, as_list: ValidatorFunctionWrapHandler) -> list[int]:
    found: list[int] = [*_written(value)] if isinstance(value, str) else as_list(value)
    return found


@lru_cache(maxsize=8)  # turn after turn predicts the same pool
def _written(value: str) -> list[int]:
    """Read what `format_sections` wrote; what is no number raises a ValueError."""
    ends = np.array(from_json(f"[{value.replace(':', ',')}]"), np.intp)
    starts, stops = ends.reshape(-1, 2).T
    lengths = stops - starts
    shifts = starts - (np.cumsum(lengths) - lengths)
    found: list[int] = (np.repeat(shifts, lengths) + np.arange(lengths.sum())).tolist()
    return found


SectionsField = Annotated[list[int], WrapValidator(_read), PlainSerializer(format_sections)]
"""Sections, ascending, as pydantic stores them: as ranges, since a pool may have many thousands."""


def runs_of(sections: Iterable[int]) -> list[tuple[int, int]]:
    """Split sections into runs of neighbours, each as `(start, stop)` with `stop` left out."""
    runs: list[tuple[int, int]] = []
    for z in sorted(set(sections)):
        if runs and runs[-1][1] == z:
            runs[-1] = (runs[-1][0], z + 1)
        else:
            runs.append((z, z + 1))
    return runs


def require_disjoint(groups: Mapping[str, Iterable[int]]) -> None:
    """Refuse groups of sections that share one, naming every pair that does."""
    names = list(groups)
    shared = {(a, b): set(groups[a]) & set(groups[b]) for i, a in enumerate(names) for b in names[i + 1 :]}
    clashes = [f"{a} and {b} share {format_sections(both)}" for (a, b), both in shared.items() if both]
    if clashes:
        raise InputError(
            "ranges of sections overlap",
            given="; ".join(clashes),
            expected="train, pool and hold-out without a section in common",
            fix="move one of the ranges",
        )
