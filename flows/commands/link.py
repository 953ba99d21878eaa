"""`proofloop link`: 2D labels of each section to 3D tracks."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows.terminal import console, progress_bar

_EXAMPLES = """\
Example: `proofloop link sections.h5:labels --raw stack.h5:raw -o tracks.h5`

`proofloop link sections.zarr --raw stack.zarr -o tracks.zarr --mask bundle.h5:mask --anchors anchors.csv --json`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(link)


def link(
    section_labels: Annotated[
        str, typer.Argument(metavar="SECTION_LABELS", help="Labels of each section, path[:dataset]: unsigned, zyx.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="What to write: .h5, .hdf5 or .zarr.")],
    raw: Annotated[
        str | None,
        typer.Option(
            help="EM image of the same shape, path[:dataset]: uint8, zyx; without it outlines are registered."
        ),
    ] = None,
    mask: Annotated[str | None, typer.Option(help="path[:dataset], zyx; objects count only where it is not 0.")] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(help="CSV with the header z,y,x,track: points of one name are one track, others are not."),
    ] = None,
    voxel_size: Annotated[
        str | None,
        typer.Option(
            help="nm, Z,Y,X, for instance 30,12,12; default: what the volumes say, else guessed from the objects."
        ),
    ] = None,
    gap: Annotated[int, typer.Option(min=0, max=10, help="Sections that a track may be missing in.")] = 2,
    cache: Annotated[
        Path | None, typer.Option(help="Folder where registrations are kept; default: the cache folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Link the objects of consecutive sections into 3D tracks.

    Each section is laid on the one before by its image, checked by its objects, and the objects are assigned at the
    least cost. Writes `labels` with one id a track, and beside it OUT.links.csv: every link with its cost, its margin
    over the second best, and its kind. After Ctrl-C the same command begins anew, but for the registrations, which
    are kept; a section of 512 x 512 pixels takes some tenth of a second.
    """
    from flows.config import parse_voxel_size
    from flows.link import Inputs
    from flows.link import link as link_volume
    from tracing.tracking import TrackingConfig
    from tracing.tracking_gaps import GapRules

    size = parse_voxel_size(voxel_size) if voxel_size else None
    inputs = Inputs(labels=section_labels, raw=raw, mask=mask, anchors=anchors, voxel_size_nm_zyx=size)
    config = TrackingConfig(gaps=GapRules(sections=gap))
    with progress_bar("link", "sections") as progress:
        done = link_volume(inputs, out, config, cache=cache, progress=progress)
    if as_json:
        typer.echo(done.model_dump_json(indent=2))
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in done.links.items())
    console.print(f"[bold]{escape(done.out)}[/]: {done.objects} objects in {done.tracks} tracks; {kinds or 'no link'}")
    console.print(f"{done.doubtful} links are doubtful; all of them are in {escape(done.links_table)}")
    if done.aside:
        console.print(f"{done.aside} branches in doubt were not followed; they stand there with a negative margin")
    if done.damaged or done.jumps:
        console.print(f"Sections that look damaged: {done.damaged or 'none'}; that jump: {done.jumps or 'none'}")
    size = done.voxel_size_nm_zyx
    if size is None or (size[1] * size[2]) ** 0.5 != done.pixel_nm:
        says = (
            "Nobody says how large a voxel is" if size is None else f"A voxel of {size} nm makes no neurites of these"
        )
        console.print(f"{says}: by the objects, a pixel was taken for {done.pixel_nm:.1f} nm (--voxel-size).")
