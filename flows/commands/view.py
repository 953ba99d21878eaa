"""`proofloop view`: image, membrane, labels and axons in Neuroglancer."""

import threading
from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from flows.terminal import console
from loop.errors import InputError

_EXAMPLES = """\
Example: `proofloop view ac4` for a run: image, newest prediction, newest axons with their skeletons, given labels;

`proofloop view stack.zarr --membrane membrane.zarr --segmentation axons.zarr:labels --at 50,256,256`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(view)


def view(
    source: Annotated[str, typer.Argument(metavar="RUN|VOLUME", help="A run, or an EM image, path[:dataset].")],
    membrane: Annotated[
        str | None, typer.Option(help="Membrane probability, path[:dataset]; default: the run's newest prediction.")
    ] = None,
    segmentation: Annotated[
        list[str] | None, typer.Option(help="Labels to show as well, path[:dataset]; may be given several times.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="Voxel to begin at, Z,Y,X; default: the middle.")] = None,
    port: Annotated[int | None, typer.Option(help="Port on loopback; default: a free one.")] = None,
) -> None:
    """Look at a run or a volume in Neuroglancer, on this machine alone.

    Needs the extra `export`. Only what is looked at is read; nothing is converted, nothing leaves the machine. The
    address that is printed works until Ctrl-C, from other machines through `ssh -L PORT:127.0.0.1:PORT`. Of a run the
    sections and tiles that annotators were asked for last are framed.
    """
    from flows.viewing.layers import shown_of
    from tracing.extra import required

    required("neuroglancer")
    from flows.viewing.viewer import viewed

    shown = shown_of(source, membrane=membrane, segmentations=segmentation or ())
    with viewed(shown, at_zyx=_voxel(at, shown.image.shape), port=port) as address:
        console.print(f"{escape(address)} shows {escape(source)} until Ctrl-C.", soft_wrap=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def _voxel(text: str | None, shape: tuple[int, int, int]) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        z, y, x = (int(part) for part in text.split(","))
        if not all(0 <= place < extent for place, extent in zip((z, y, x), shape, strict=True)):
            raise ValueError
    except ValueError as error:
        raise InputError(
            "there is no such voxel",
            given=f"--at {text}",
            expected=f"Z,Y,X within a volume of {' x '.join(map(str, shape))}",
            fix=f"write for instance --at {','.join(str(extent // 2) for extent in shape)}",
        ) from error
    return z, y, x
