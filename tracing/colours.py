"""A colour for each axon, the same in pictures and in what other tools get."""

import colorsys
import zlib


def colour_of(axon: int) -> tuple[float, float, float]:
    """Give red, green and blue in [0, 1] of an axon by its id."""
    mixed = zlib.crc32(str(axon).encode())
    hue, saturation, value = mixed % 1024 / 1024, (mixed >> 10) % 8 / 7, (mixed >> 13) % 8 / 7
    return colorsys.hsv_to_rgb(hue, 0.45 + 0.5 * saturation, 0.65 + 0.35 * value)


def bytes_of(axon: int) -> tuple[int, int, int]:
    """Give the same in whole numbers up to 255."""
    red, green, blue = (round(255 * part) for part in colour_of(axon))
    return red, green, blue
