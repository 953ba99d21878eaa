"""A colour for each axon, the same in pictures and in what other tools get."""

import colorsys

_GOLDEN = 0.61803398875
_MANY = 2**20


def colour_of(axon: int) -> tuple[float, float, float]:
    """Give red, green and blue in [0, 1] of an axon by its id; ids that follow each other differ most."""
    hue = (axon % _MANY) * _GOLDEN % 1
    return colorsys.hsv_to_rgb(hue, (0.85, 0.6)[axon // 8 % 2], (1.0, 0.8)[axon // 4 % 2])


def bytes_of(axon: int) -> tuple[int, int, int]:
    """Give the same in whole numbers up to 255."""
    red, green, blue = (round(255 * part) for part in colour_of(axon))
    return red, green, blue
