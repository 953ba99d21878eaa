"""Ranges of sections as people type them: `0:50` is sections 0 to 49."""

import re

from loop.errors import InputError


def parse_range(text: str, *, name: str, n_sections: int) -> range:
    """Read `start:stop` and check it against the volume's number of sections.

    Parameters
    ----------
    text : str
        Range as typed; `stop` itself is not included.
    name : str
        What the range is for, named in errors.
    n_sections : int
        Sections of the volume.
    """
    match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", text)
    if match is None:
        raise InputError(
            f"{name} is not a range of sections",
            given=repr(text),
            expected="start:stop, for instance 0:50 for sections 0 to 49",
            fix=f"write --{name} START:STOP",
        )
    start, stop = int(match[1]), int(match[2])
    if not 0 <= start < stop <= n_sections:
        raise InputError(
            f"{name} does not fit the volume",
            given=f"{text} for a volume of {n_sections} sections",
            expected=f"0 <= start < stop <= {n_sections}",
            fix=f"write --{name} within 0:{n_sections}",
        )
    return range(start, stop)


def require_disjoint(ranges: dict[str, range]) -> None:
    """Refuse ranges that share a section, naming every pair that does."""
    names = list(ranges)
    clashes = [
        f"{a} and {b} share {max(ranges[a].start, ranges[b].start)}:{min(ranges[a].stop, ranges[b].stop)}"
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if ranges[a].start < ranges[b].stop and ranges[b].start < ranges[a].stop
    ]
    if clashes:
        raise InputError(
            "ranges of sections overlap",
            given="; ".join(clashes),
            expected="train, pool and hold-out without a section in common",
            fix="move one of the ranges",
        )
