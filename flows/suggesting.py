"""`proofloop suggest`: which sections to label first, before there is a model."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from loop.cold_start import first_sections
from loop.errors import InputError
from loop.progress import Progress, silent
from loop.section_looks import damaged, look_of
from loop.volume import open_image

_LOOKED_AT = 400
"""Sections looked at, at fixed distances: more would not change what is typical."""


class Suggestion(BaseModel):
    """What `proofloop suggest` says."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    sections: list[int]
    """To label first, ascending."""
    looked_at: int
    """Sections that were looked at."""
    damaged: list[int]
    """Of these, the ones that look damaged or blank."""


def suggest(volume: str, n_sections: int, progress: Progress = silent) -> Suggestion:
    """Choose the sections of a volume that are worth labelling first.

    Parameters
    ----------
    volume : str
        EM image, `path[:dataset]`.
    n_sections : int
        How many.
    progress : Progress
        Counts sections looked at.

    Raises
    ------
    InputError
        The image cannot be read, or all of it looks damaged.
    """
    image = open_image(volume)
    seen = np.unique(np.linspace(0, image.shape[0] - 1, min(image.shape[0], _LOOKED_AT)).astype(int)).tolist()
    looks = []
    for z in seen:
        looks.append(look_of(image.section(z)))
        progress(len(looks), len(seen))
    ruined = [z for z, bad in zip(seen, damaged(np.array(looks)).tolist(), strict=True) if bad]
    chosen = first_sections(np.array(looks), seen, n_sections)
    if not chosen:
        raise InputError(
            "no section is fit to be labelled",
            given=f"{volume}: all {len(seen)} sections looked at are blank or damaged",
            expected="sections that show tissue",
            fix="name another dataset",
        )
    return Suggestion(sections=chosen, looked_at=len(seen), damaged=ruined)
