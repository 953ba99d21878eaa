"""Every error that proofloop raises on purpose, and the exit code that the command line gives it."""

from functools import partial
from typing import Any


class ProofloopError(Exception):
    """Root of the errors that proofloop raises on purpose."""

    exit_code = 1


class InputError(ProofloopError):
    """Something handed to proofloop cannot be used as it is.

    Parameters
    ----------
    problem : str
        What is wrong, in one clause, naming the argument or file.
    given : object
        The value that was handed over.
    expected : str
        What would have been right.
    fix : str
        What the reader can type or change to go on.
    """

    exit_code = 2

    def __init__(self, problem: str, *, given: object, expected: str, fix: str) -> None:
        self.problem, self.given, self.expected, self.fix = problem, given, expected, fix
        super().__init__(f"{problem}\n  given:    {given}\n  expected: {expected}\n  to fix:   {fix}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Come through to another process: what was given is then its text."""
        return partial(type(self), given=str(self.given), expected=self.expected, fix=self.fix), (self.problem,)


class HoldoutLeak(InputError):
    """A frozen hold-out section was about to enter training."""


class NothingToTrace(InputError):
    """No section has an object, as with a model that has barely been trained."""


class ServerUnavailable(InputError):
    """Label Studio cannot be started or reached; the message says what stands in the way."""


class TrainingDiverged(ProofloopError):
    """The loss became NaN or infinite; the last good checkpoint is kept."""


class IllegalTransition(ProofloopError):
    """A stage was asked for that the iteration has not reached yet."""
