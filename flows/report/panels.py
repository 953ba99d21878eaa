"""The pictures that the report shows: hold-out sections where the promoted model does best and worst, traced axons."""

from dataclasses import replace

from flows.predicted import prediction_store, promoted_model, truth_of_holdout
from flows.runs import Run
from flows.summary import RunSummary, SectionPanel
from flows.traced import traced_axons
from loop.events import Evaluated
from tracing.seeding import objects_of_membrane


def with_panels(summary: RunSummary, run: Run) -> RunSummary:
    """Add what the volumes show: hold-out sections on which the promoted model does best and worst, what was traced."""
    summary = replace(summary, shape_zyx=run.image.shape, traced=traced_axons(run.folder.root, run.image))
    promoted = promoted_model(run)
    evaluated = run.ledger.stage(Evaluated, promoted.iteration) if promoted else None
    if promoted is None or evaluated is None:
        return summary
    ordered = sorted(evaluated.sections, key=lambda z: evaluated.sections[z].voi)
    best, worst = (_panel(run, promoted.iteration, z, evaluated) for z in (ordered[0], ordered[-1]))
    return replace(summary, best=best, worst=worst)


def _panel(run: Run, iteration: int, z: int, evaluated: Evaluated) -> SectionPanel:
    membrane = prediction_store(run, iteration).membrane(z)
    return SectionPanel(
        z=z,
        image=run.image.section(z),
        truth=truth_of_holdout(run, z),
        membrane=membrane,
        segmentation=objects_of_membrane(membrane, run.config.seeding),
        voi_split=evaluated.sections[z].voi_split,
        voi_merge=evaluated.sections[z].voi_merge,
    )
