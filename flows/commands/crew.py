"""Options of commands whose blocks several workers can do."""

from typing import Annotated

import typer

Workers = Annotated[
    int, typer.Option(min=1, help="Processes of one thread each; 1: this process, with all its threads.")
]
Scheduler = Annotated[
    str | None, typer.Option(help="A Dask cluster in place of them: tcp://HOST:PORT, files shared with it.")
]
Memory = Annotated[float | None, typer.Option(help="GiB for each worker, by which blocks are cut too; default: 4.")]
