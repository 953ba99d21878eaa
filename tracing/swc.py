"""SWC: a skeleton as text, which nearly every tool for neurons reads (Cannon et al. 1998)."""

from tracing.skeleton import Skeleton

_AXON = 2


def swc_text(skeleton: Skeleton, *comments: str) -> str:
    """Give a skeleton as SWC: number, type (2, axon), x, y, z and radius in micrometres, parent (-1 of the first).

    Numbers run from 1, parents come before children, and everything is one tree.
    """
    lines = [f"# {comment}" for comment in comments]
    lines.append("# number type x y z radius parent; positions and radii in um, from the volume's first corner")
    rows = zip(skeleton.nodes_nm / 1e3, skeleton.radii_nm / 1e3, skeleton.parents, strict=True)
    for number, ((z, y, x), radius, parent) in enumerate(rows, start=1):
        before = parent + 1 if parent >= 0 else -1
        lines.append(f"{number} {_AXON} {x:.5f} {y:.5f} {z:.5f} {radius:.5f} {before}")
    return "\n".join(lines) + "\n"
