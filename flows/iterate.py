"""One iteration as a Prefect flow: it reads like the lab's protocol.

Prefect runs and shows the steps; what is done, and what comes next, stands in the run's ledger alone. A step that
the ledger has already is passed over, so the same call goes on after a crash, a Ctrl-C or days of annotation.
"""

from collections.abc import Callable
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows import ingesting, learning, proofreading
from flows.report import write_report
from flows.runs import Run, open_run
from flows.summarise import summarise, summary_rows, with_panels
from flows.terminal import progress_bar
from loop.iteration import Stage, position
from loop.progress import Progress


@flow(name="proofloop-iteration", flow_run_name="{root.name}")
def iterate(root: Path) -> bool:
    """Take a run through one iteration, as far as it can go now.

    Returns
    -------
    bool
        True when the iteration is closed, False while annotators still have tasks of it.
    """
    train(root)
    predict(root)
    evaluate(root)
    gate(root)
    rank(root)
    publish(root)
    annotate(root)
    closed = ingest(root)
    report(root)
    return closed


@task
def train(root: Path) -> None:
    """Train on every labelled section."""
    _if_next(root, Stage.TRAIN, "steps", learning.train_model)


@task
def predict(root: Path) -> None:
    """Predict membranes of the pool and the hold-out."""
    _if_next(root, Stage.PREDICT, "sections", learning.predict_sections)


@task
def evaluate(root: Path) -> None:
    """Measure the model on the frozen hold-out."""
    _if_next(root, Stage.EVALUATE, "sections", learning.evaluate_model)


@task
def gate(root: Path) -> None:
    """Promote the model if it is better."""
    run = open_run(root)
    if position(run.ledger).stage is Stage.GATE:
        learning.gate_model(run)


@task
def rank(root: Path) -> None:
    """Choose the sections that are worth an annotator's minutes."""
    _if_next(root, Stage.RANK, "sections", proofreading.rank_pool)


@task
def publish(root: Path) -> None:
    """Make tasks with pre-annotated contours in Label Studio."""
    _if_next(root, Stage.PUBLISH, "tasks", proofreading.publish_tasks)


@task
def annotate(root: Path) -> None:
    """Let the oracle answer, where the run has one; people answer in their own time."""
    if open_run(root).config.annotation.annotator == "oracle":
        _if_next(root, Stage.INGEST, "tasks", proofreading.answer_by_oracle)


@task
def ingest(root: Path) -> bool:
    """Take in what was submitted; True when every task was answered or skipped."""
    before = position(open_run(root).ledger).iteration
    _if_next(root, Stage.INGEST, "tasks", ingesting.ingest_submissions)
    return position(open_run(root).ledger).iteration > before


@task
def report(root: Path) -> None:
    """Write the page for people and the table for Prefect's."""
    run = open_run(root)
    summary = summarise(run)
    write_report(run.folder.report, summary=with_panels(summary, run))
    create_table_artifact(
        key="proofloop-iterations", table=summary_rows(summary), description=f"Iterations of run {run.name}"
    )


def _if_next(root: Path, stage: Stage, unit: str, step: Callable[[Run, Progress], None]) -> None:
    run = open_run(root)
    here = position(run.ledger)
    if here.stage is stage:
        with progress_bar(f"iteration {here.iteration}: {stage}", unit) as progress:
            step(run, progress)
