"""Which dataset of a file is meant."""

from collections.abc import Sequence
from pathlib import Path

from loop.errors import InputError


def choose(path: Path, names: Sequence[str], *, name: str | None, default: str | None) -> str:
    """Give the dataset of `path` to open: the one named, else the only one, else the usual one.

    Parameters
    ----------
    path : Path
        The file, for the message.
    names : sequence of str
        The datasets that it holds.
    name : str, optional
        The one asked for.
    default : str, optional
        The usual one.

    Raises
    ------
    InputError
        If that one is not there, or none is named and several are there.
    """
    if name is None:
        name = names[0] if len(names) == 1 else default
    wanted = None if name is None else name.strip("/")
    if wanted is None or wanted not in names:
        raise InputError(
            f"dataset not found in {path}",
            given=name or "no dataset",
            expected=f"one of {', '.join(names) or 'none: the file holds no dataset'}",
            fix=f"write {path}:{names[0] if names else 'DATASET'}",
        )
    return wanted


def refuse_dataset(path: Path, name: str | None) -> None:
    """Refuse a dataset's name after a path whose format holds one volume without a name."""
    if name is not None:
        raise InputError(
            f"{path} has no datasets",
            given=f":{name}",
            expected="the path alone: it holds one volume",
            fix=f"write {path}",
        )


def refuse_leaving(root: Path, path: Path) -> None:
    """Refuse a `path` under `root` that a symbolic link takes out of it."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{path} leaves {root}",
            given=f"a link to {path.resolve()}",
            expected="files that lie in the folder itself",
            fix="copy the file into the folder in place of the link",
        )
