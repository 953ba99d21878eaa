"""Extents that networks can halve as often as they must."""


def rounded_up(reach: tuple[int, int], grid: tuple[int, int]) -> tuple[int, int]:
    """Enlarge `reach` to multiples of `grid`, both (sections, px)."""
    return -(-reach[0] // grid[0]) * grid[0], -(-reach[1] // grid[1]) * grid[1]
