"""One iteration as a Prefect flow: it reads like the lab's protocol.

Prefect runs and shows the steps; what is done, and what comes next, stands in the run's ledger alone. A step that
the ledger has already is passed over, so the same call goes on after a crash, a Ctrl-C or days of annotation. What only
one step needs is imported by it.
"""

from collections.abc import Callable
from pathlib import Path

from prefect import flow

from flows.labelling_server import start_early
from flows.runs import Run, at_work_on, open_run
from flows.serving.progress_artifact import shown_progress
from flows.serving.retrying import step
from loop.iteration import Stage, position
from loop.progress import Progress


@flow(name="proofloop-iteration", flow_run_name="{root.name}")
def iterate(root: Path) -> bool:
    """Take a run through one iteration, as far as it can go now.

    Returns
    -------
    bool
        True when the iteration is closed, False while annotators still have tasks of it.

    Raises
    ------
    FolderHeld
        Another process works on the run.
    """
    with at_work_on(root):
        return take_turn(root)


def take_turn(root: Path) -> bool:
    """Do every step of an iteration that the ledger has not yet, within a flow that holds the run."""
    train(root)
    if _will_publish(open_run(root)):
        start_early(open_run(root))  # it comes up while the machine predicts
    predict(root)
    evaluate(root)
    gate(root)
    rank(root)
    publish(root)
    annotate(root)
    closed = ingest(root)
    report(root)
    return closed


@step
def train(root: Path) -> None:
    """Train on every labelled section."""
    from flows import learning

    _if_next(root, Stage.TRAIN, "steps", learning.train_model)


@step
def predict(root: Path) -> None:
    """Predict membranes of the pool and the hold-out."""
    from flows import learning

    _if_next(root, Stage.PREDICT, "sections", learning.predict_sections)


@step
def evaluate(root: Path) -> None:
    """Measure the model on the frozen hold-out."""
    from flows import learning

    _if_next(root, Stage.EVALUATE, "sections", learning.evaluate_model)


@step
def gate(root: Path) -> None:
    """Promote the model unless it is worse."""
    from flows import learning
    from flows.gate_words import say_gate

    run = open_run(root)
    if position(run.ledger).stage is Stage.GATE:
        say_gate(learning.gate_model(run))


@step
def rank(root: Path) -> None:
    """Choose the sections that are worth an annotator's minutes."""
    from flows import proofreading

    _if_next(root, Stage.RANK, "sections", proofreading.rank_pool)


@step
def publish(root: Path) -> None:
    """Make tasks with pre-annotated contours in Label Studio."""
    from flows import proofreading

    _if_next(root, Stage.PUBLISH, "tasks", proofreading.publish_tasks)


@step
def annotate(root: Path) -> None:
    """Let the oracle answer, where the run has one; people answer in their own time."""
    from flows import proofreading

    if open_run(root).config.annotation.annotator == "oracle":
        _if_next(root, Stage.INGEST, "tasks", proofreading.answer_by_oracle)


@step
def ingest(root: Path) -> bool:
    """Take in what was submitted; True when every task was answered or skipped."""
    from flows import ingesting

    before = position(open_run(root).ledger).iteration
    _if_next(root, Stage.INGEST, "tasks", ingesting.ingest_submissions)
    return position(open_run(root).ledger).iteration > before


@step
def report(root: Path) -> None:
    """Write the page for people and the table for Prefect's."""
    from flows.report.page import write_report
    from flows.report.panels import with_panels
    from flows.serving.artifacts import show_iterations
    from flows.summarise import summarise

    run = open_run(root)
    summary = summarise(run)
    write_report(run.folder.report, summary=with_panels(summary, run))
    show_iterations(summary)


def _will_publish(run: Run) -> bool:
    before = [*Stage][: [*Stage].index(Stage.PUBLISH)]
    return position(run.ledger).stage in before and bool(
        run.config.ranking.tasks_per_iteration and run.unlabelled_pool()
    )


def _if_next(root: Path, stage: Stage, unit: str, step: Callable[[Run, Progress], None]) -> None:
    run = open_run(root)
    here = position(run.ledger)
    if here.stage is stage:
        with shown_progress(f"iteration {here.iteration}: {stage}", unit) as progress:
            step(run, progress)
