"""What Prefect's page shows of a run: the table of its iterations and the learning curve."""

import re

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.report.curve import voi_picture
from flows.summarise import summary_rows
from flows.summary import RunSummary


def artifact_key(name: str, what: str) -> str:
    """Name an artifact of a run the way Prefect wants it; the same key again is a new version."""
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{what}"


def show_iterations(summary: RunSummary) -> None:
    """Write the table, and once a model was measured the curve: a small picture, as it lies in Prefect's database."""
    create_table_artifact(
        key=artifact_key(summary.name, "iterations"),
        table=summary_rows(summary),
        description=f"Iterations of run {summary.name}",
    )
    if summary.measured:
        create_markdown_artifact(
            key=artifact_key(summary.name, "learning-curve"),
            markdown=f"![Hold-out VOI by iteration]({voi_picture(summary.measured)})",
            description=f"Hold-out VOI of run {summary.name}, bits; lower is better",
        )
