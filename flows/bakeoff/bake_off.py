"""`proofloop bakeoff`: the loop simulated on a labelled volume with every strategy, to see which one pays there."""

from pathlib import Path

from flows.bakeoff.output import write_page
from flows.bakeoff.plan import ALL, NONE, Plan, settle
from flows.bakeoff.processes import simulate_beside
from flows.bakeoff.result import Outcome, outcome
from flows.bakeoff.seed import simulate_seed, turns_of
from loop.atomic import write_text
from loop.holding import held
from loop.progress import Progress, silent
from loop.volume import open_image

RESULT = "result.json"


def bake_off(plan: Plan, out: Path, *, jobs: int = 1, progress: Progress = silent) -> Outcome:
    """Simulate, or go on simulating, and write what came out of it.

    Parameters
    ----------
    plan : Plan
        What is simulated.
    out : Path
        Folder for the turns as they are done, `result.json`, `curves.png`, `curves.svg` and `index.html`.
    jobs : int
        Seeds simulated at a time; beside each other they are processes of one thread.
    progress : Progress
        Counts turns.

    Raises
    ------
    InputError
        Volume, labels or plan are unusable, or `out` holds a bake-off of another plan.
    """
    plan.sections(open_image(plan.volume).shape[0])
    out.mkdir(parents=True, exist_ok=True)
    with held(out):
        settle(plan, out)
        seeds = [seed for seed in range(plan.seeds) if _unfinished(plan, out, seed)]
        if jobs > 1:
            simulate_beside(plan, out, seeds, jobs=jobs, progress=progress)
        else:
            for seed in seeds:
                simulate_seed(plan, out, seed, progress)
        found = outcome(plan, out)
        write_text(out / RESULT, found.model_dump_json(indent=2))
        write_page(found, plan, out)
    return found


def _unfinished(plan: Plan, out: Path, seed: int) -> bool:
    return any(len(turns_of(plan, out, seed, name)) <= plan.turns for name in (ALL, NONE, *plan.contenders))
