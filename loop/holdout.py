"""The frozen hold-out: hashed when a run is created, kept out of training ever after."""

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from loop.errors import HoldoutLeak, InputError
from loop.labels import section_hash
from loop.section_range import format_sections
from loop.volume import Volume


def freeze(volume: Volume, sections: Iterable[int]) -> dict[int, str]:
    """Hash sections of a volume, keyed by z."""
    return {z: section_hash(volume.section(z)) for z in sections}


def refuse_leak(image: NDArray[Any], frozen: Mapping[int, str]) -> None:
    """Refuse an image stack `(z, y, x)` for training if any of its sections is a frozen hold-out section.

    The comparison is by content, so a hold-out section that comes back under another index, from another file
    or as mere context is found too.

    Raises
    ------
    HoldoutLeak
        Naming the hold-out sections found.
    """
    hashes = {section_hash(section) for section in image}
    leaked = sorted(z for z, frozen_hash in frozen.items() if frozen_hash in hashes)
    if leaked:
        raise HoldoutLeak(
            "hold-out sections were about to enter training",
            given=f"training images that contain hold-out section {', '.join(map(str, leaked))}",
            expected="training images without any frozen hold-out section",
            fix="take these sections out of train and pool, or start a new run with another hold-out",
        )


def within(frozen: Iterable[int], gap: int) -> frozenset[int]:
    """Give the hold-out sections and those up to `gap` sections away from one."""
    return frozenset(z + step for z in frozen for step in range(-gap, gap + 1))


def refuse_near(sections: Iterable[int], frozen: Iterable[int], *, gap: int) -> None:
    """Refuse sections for training that lie within the gap of the hold-out, but are none of it.

    Raises
    ------
    HoldoutLeak
        Naming them.
    """
    held_out = frozenset(frozen)
    near = sorted((within(held_out, gap) - held_out) & frozenset(sections))
    if near:
        raise HoldoutLeak(
            "neighbours of hold-out sections were about to enter training",
            given=f"sections {format_sections(near)}, of which a hold-out section is at most {gap} away",
            expected=f"training sections more than {gap} from the hold-out, as the run was made",
            fix="take these sections out of train and pool, or start a new run with another --holdout-gap",
        )


def frozen_section(volume: Volume, z: int, frozen: Mapping[int, str]) -> NDArray[Any]:
    """Read hold-out section `z`, refusing one that changed since the run was created."""
    section = volume.section(z)
    if section_hash(section) != frozen.get(z):
        raise InputError(
            f"hold-out section {z} of {volume.spec} changed since the run was created",
            given=f"hash {section_hash(section)[:12]}",
            expected=f"hash {frozen[z][:12]}" if z in frozen else "a section frozen at init; this one was not frozen",
            fix="restore the file, or start a new run so that its figures can be compared with each other",
        )
    return section
