"""`proofloop evaluate`: a segmentation against the truth."""

import json
from typing import Annotated

import typer
from rich.console import Console

from flows.terminal import progress_bar

_EXAMPLES = """\
Example: `proofloop evaluate result.h5:labels truth.h5:labels --json`

`proofloop evaluate axons.h5 truth.h5 --tolerance-nm 25` as CREMI does

`proofloop evaluate axons.h5 truth.h5 --sections 90:100 --links --run-length --tolerance-px 2`

`proofloop evaluate found.h5:clefts truth.h5:clefts --clefts --voxel-size 40,4,4`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog=_EXAMPLES)(evaluate)


def evaluate(
    segmentation: Annotated[str, typer.Argument(metavar="SEGMENTATION", help="Labels or probability, path[:dataset].")],
    truth: Annotated[str, typer.Argument(metavar="TRUTH", help="True labels, path[:dataset].")],
    sections: Annotated[str, typer.Option(help="Only these sections, START:STOP; default: all.")] = "",
    tolerance_px: Annotated[
        float, typer.Option(min=0, help="Leave out what is nearer to a true boundary of its section than this.")
    ] = 0,
    tolerance_nm: Annotated[
        float, typer.Option(min=0, help="The same in nm, up to this far away, as CREMI has it; 25 is usual.")
    ] = 0,
    links: Annotated[
        bool, typer.Option("--links", help="Also recall and precision of links, identity switches.")
    ] = False,
    clefts: Annotated[
        bool, typer.Option("--clefts", help="Also CREMI's distances of clefts, that is, of all that is not 0.")
    ] = False,
    run_length: Annotated[
        bool, typer.Option("--run-length", help="Also the expected run length, on skeletons of the truth.")
    ] = False,
    voxel_size: Annotated[
        str | None, typer.Option(help="nm, Z,Y,X, for clefts, run length and nm; default: what the truth says.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Compare a segmentation with the truth: VOI, adapted Rand error, Dice, the scores of CREMI and ISBI 2012.

    A membrane probability (float, or a dataset called `membrane`) is segmented section by section first. Besides: how
    profiles are linked from section to section, CREMI's distances of synaptic clefts, and how far one can follow the
    true objects' skeletons. The JSON has every section by itself under `sections`, and with a tolerance also the scores
    without it.
    """
    from flows.config import parse_voxel_size
    from flows.evaluation import evaluate_volumes, evaluation_table
    from flows.evaluation_further import Also, Counted
    from loop.section_range import format_sections

    asked: dict[Also, bool] = {"links": links, "clefts": clefts, "run-length": run_length}
    also = [measure for measure, wanted in asked.items() if wanted]
    size = parse_voxel_size(voxel_size) if voxel_size else None
    with progress_bar("evaluate", "sections") as progress:
        counted = Counted(sections, tolerance_px, tolerance_nm)
        result = evaluate_volumes(
            segmentation, truth, counted=counted, also=also, voxel_size_nm_zyx=size, progress=progress
        )
    if as_json:
        besides = result.model_dump(exclude={"volume"}, exclude_none=True)
        typer.echo(json.dumps(result.volume.model_dump() | besides, indent=2))
    else:
        Console().print(evaluation_table(result))
        if result.unsegmented:
            typer.echo(
                f"The segmentation is empty in sections {format_sections(result.unsegmented)}, all of which counts as"
                " error; --sections START:STOP compares only what was segmented."
            )
