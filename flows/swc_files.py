"""Skeletons as a folder of SWC files, one an axon."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tracing.skeleton import Skeleton
from tracing.swc import swc_text


def write_swc_files(folder: Path, skeletons: Mapping[int, Skeleton], *, source: str) -> None:
    """Write each skeleton as `ID.swc` into a folder that is there; `source` says in the files where they are from."""
    for axon, skeleton in skeletons.items():
        text = swc_text(skeleton, f"axon {axon} of {source}, written by proofloop")
        (folder / f"{axon}.swc").write_text(text, encoding="utf-8")


def write_swc_folder(folder: Path, skeletons: Mapping[int, Skeleton], *, source: str) -> None:
    """Write the same as a folder of its own, whole or not at all; one that is there is replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        whole = scratch / "whole"
        whole.mkdir()
        write_swc_files(whole, skeletons, source=source)
        if folder.exists():
            folder.rename(scratch / "before")
        whole.rename(folder)
    finally:
        shutil.rmtree(scratch)
