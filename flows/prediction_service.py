"""The prediction service's process: `python -m flows.prediction_service RUN PORT PASSWORD_FILE`."""

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotation import published
from annotation.correction import PreAnnotation
from annotation.prediction_service import Helper, serve
from flows.predicted import prediction_store, promoted_model
from flows.proofreading import pre_annotation, style_of
from flows.runs import Run, open_run
from loop.errors import InputError
from loop.events import Trained


def helper_of(run: Run) -> Helper:
    """Give what the service can ask of a run; the promoted model is looked up at every question."""

    def version() -> str:
        promoted = promoted_model(run)
        return f"iteration {promoted.iteration}" if promoted else "no model yet"

    def model() -> Trained:
        promoted = promoted_model(run)
        if promoted is None:
            raise InputError(
                "no model is promoted yet",
                given=run.folder.root,
                expected="a run that has trained and measured a model",
                fix="run proofloop iterate",
            )
        return promoted

    def membrane_of(z: int) -> NDArray[np.float32]:
        return prediction_store(run, model().iteration).membrane(z)

    def keep(iteration: int, before: PreAnnotation) -> None:
        published.store(run.folder.annotation, iteration, before)

    @lru_cache(maxsize=4)
    def objects_in(content: bytes, shape: tuple[int, int]) -> NDArray[np.uint32]:
        return pre_annotation(run, np.frombuffer(content, np.float32).reshape(shape))

    def objects_of(membrane: NDArray[np.float32]) -> NDArray[np.uint32]:
        return objects_in(membrane.tobytes(), (membrane.shape[0], membrane.shape[1]))

    return Helper(version, membrane_of, objects_of, lambda: model().sha256, keep, style_of(run))


if __name__ == "__main__":
    root, port, password_file = sys.argv[1:]
    password = Path(password_file).read_text(encoding="utf-8").strip()
    serve(helper_of(open_run(Path(root))), port=int(port), password=password)
