"""`proofloop mask`: from a few drawn masks to one of the whole volume."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from flows.terminal import console, progress_bar


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: `proofloop mask drawn/ --volume stack.h5:raw -o bundle.h5 --margin-px 40 --hull`")(
        mask
    )


def mask(
    drawn: Annotated[
        Path,
        typer.Argument(
            help="Folder of PNG, z00012.png for section 12, not black is inside; or Label Studio's JSON export:"
            " polygons and brush strokes."
        ),
    ],
    volume: Annotated[str, typer.Option(help="The volume that it masks, path[:dataset].")],
    out: Annotated[Path, typer.Option("-o", "--out", help="HDF5 file to write: dataset mask.")],
    path: Annotated[
        Literal["smooth", "linear"], typer.Option(help="How the mask goes from one drawn section to the next.")
    ] = "smooth",
    hull: Annotated[bool, typer.Option("--hull", help="Take the convex hull of each mask.")] = False,
    simplify_px: Annotated[float | None, typer.Option(help="Simplify outlines by up to so many pixels.")] = None,
    margin_px: Annotated[float | None, typer.Option(help="Grow masks by so many pixels.")] = None,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHT,WIDTH",
            help="Also OUT.windows.csv: z, top and left of a window of so many pixels that drifts with the mask.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Make a mask of every section out of masks drawn every N sections, for `link` and `trace`.

    Between two drawn sections the outline changes in proportion while its centre moves along.
    """
    from pydantic import ValidationError

    from flows.config import config_error
    from flows.mask import drawn_masks, parse_window, write_mask
    from loop.volume import open_volume
    from tracing.masks import MaskConfig

    try:
        config = MaskConfig(path=path, hull=hull, simplify_px=simplify_px, margin_px=margin_px)
    except ValidationError as error:
        raise config_error("of the mask", error) from error
    window_px = parse_window(window) if window else None
    opened = open_volume(volume, dataset="raw")
    with progress_bar("mask", "sections") as progress:
        done = write_mask(out, drawn_masks(drawn, opened), opened, config, window_px=window_px, progress=progress)
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
    else:
        console.print(
            f"[bold]{escape(done.out)}[/]: sections {done.masked}, box {done.box_px} (top, left, bottom, right)"
        )
        if done.windows:
            console.print(f"Crop windows: {escape(done.windows)}")
