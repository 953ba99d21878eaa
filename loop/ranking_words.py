"""The names of query strategies and what annotators are told about why a place was chosen."""

from collections.abc import Mapping
from typing import Literal

StrategyName = Literal[
    "random",
    "interval",
    "entropy",
    "margin",
    "variance",
    "bald",
    "committee",
    "diversity",
    "power",
    "tracking",
    "combined",
]
"""The names of `loop.ranking.STRATEGIES`."""

DEFAULT_STRATEGY: StrategyName = "entropy"

WHY: Mapping[str, str] = {
    "random": "Drawn by chance.",
    "interval": "Chosen at a fixed distance from the others.",
    "variance": "The model contradicts itself when it sees the picture mirrored.",
    "bald": "The model contradicts itself when it sees the picture mirrored.",
    "committee": "The last models contradict each other.",
    "diversity": "It looks unlike all that is labelled.",
    "power": "Drawn among the places where the model contradicts itself.",
    "tracking": "Objects do not go on as they should in the neighbouring sections.",
    "combined": "The model is undecided, or objects do not go on as they should in the neighbouring sections.",
}
"""By strategy; nothing where the doubtful borders say it all."""
