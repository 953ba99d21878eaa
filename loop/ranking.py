"""Query strategies: which sections of the pool are worth an annotator's minutes."""

from collections.abc import Mapping

from loop.errors import InputError


def most_uncertain(scores: Mapping[int, float], n_sections: int, *, min_distance_sections: int) -> list[int]:
    """Choose the most uncertain sections, none closer in z than `min_distance_sections` to another.

    Neighbouring sections look alike, so two of them teach the model little more than one.

    Parameters
    ----------
    scores : mapping of int to float
        Uncertainty of each section of the pool, keyed by z.
    n_sections : int
        How many to choose; fewer are returned where the distance leaves no more.
    min_distance_sections : int
        Least difference in z between two chosen sections, 1 or more.

    Returns
    -------
    list of int
        Sections, most uncertain first; ties go to the lower z.
    """
    if min_distance_sections < 1:
        raise InputError(
            "min_distance_sections is too small", given=min_distance_sections, expected="1 or more", fix="set it to 1"
        )
    chosen: list[int] = []
    for z in sorted(scores, key=lambda z: (-scores[z], z)):
        if len(chosen) == n_sections:
            break
        if all(abs(z - other) >= min_distance_sections for other in chosen):
            chosen.append(z)
    return chosen
