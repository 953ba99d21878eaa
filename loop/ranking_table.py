"""The table of a ranking: every place that could have been asked for, with what spoke for it."""

import csv
from pathlib import Path

from loop.atomic import replacing
from loop.places import Place
from loop.ranking_candidates import Candidates


def write_ranking(path: Path, candidates: Candidates, chosen: list[Place]) -> None:
    """Write a line for each candidate, in the order of places; under `chosen` stand the ranks of those asked for.

    Parameters
    ----------
    path : Path
        CSV file; replaced whole.
    candidates : Candidates
        What was chosen from.
    chosen : list of Place
        The best first.
    """
    rank = {place: str(number) for number, place in enumerate(chosen, start=1)}
    columns = {"expected_minutes": candidates.expected_minutes, **candidates.scores}
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["place", "chosen", *columns])
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        for place, row in zip(candidates.places, values, strict=True):
            writer.writerow([place, rank.get(place, ""), *(f"{value:.6g}" for value in row)])
