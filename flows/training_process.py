"""One of the processes that train a run's model together; started by `train_model`, not by hand."""

import sys
from pathlib import Path

from flows.learning import learn
from flows.runs import open_run
from loop.errors import ProofloopError
from loop.iteration import Stage, require
from models.launch import tell, tell_error


def main() -> None:
    """Take part in the training of the run whose folder is the first argument."""
    try:
        run = open_run(Path(sys.argv[1]))
        learn(run, require(run.ledger, Stage.TRAIN), tell)
    except ProofloopError as error:
        tell_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
