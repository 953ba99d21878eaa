"""How many minutes of an annotator a pre-annotated section or tile takes: by the edits it needs, not by its number."""

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat


class EffortModel(BaseModel):
    """Seconds that an annotator needs for each thing done; `loop.effort` has what people really took.

    The defaults are sums of the operators of the keystroke-level model (Card, Moran and Newell, Communications of the
    ACM 23, 1980, 396-410): to decide 1.35 s, to point 1.1 s, a key 0.28 s, a click 0.2 s, to draw a line of l cm
    0.9 + 0.16 l s. They make looking the dearer half, as user studies found (Haehn et al., arXiv:1704.00848).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seconds_per_task: NonNegativeFloat = 10.0
    """To open a task until it responds (7.5 s, measured with Label Studio and 50 outlines) and to submit it."""
    seconds_per_object: NonNegativeFloat = 1.35
    """To look at a shown object and decide that it is right, or what is wrong with it."""
    seconds_per_megapixel: NonNegativeFloat = 0.0
    """To look over 10**6 pixels of a section beyond looking at its objects."""
    seconds_per_stroke: NonNegativeFloat = 4.3
    """To cut or join objects by a stroke: deciding how, two keys, pointing, a line of 2 cm."""
    seconds_per_point: NonNegativeFloat = 2.9
    """To click at an object that is missing or none: deciding, key, pointing, click."""
    seconds_per_region: NonNegativeFloat = 1.6
    """To begin an outline: deciding, a key."""
    seconds_per_vertex: NonNegativeFloat = 1.3
    """To set or drag a vertex of an outline: pointing, click."""
    corrections_per_doubt: NonNegativeFloat = 2.5
    """Strokes and points that a doubtful stretch of border is expected to bring, before a run's answers tell."""
    pace: PositiveFloat = 1.0
    """Minutes that people take for each minute by the figures above, before a run's answers tell."""


class Edits(BaseModel):
    """What a pre-annotated section or tile asks of an annotator: counted, or expected and then no whole numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    tasks: NonNegativeFloat = 1
    """Tasks opened."""
    objects: NonNegativeFloat = 0
    """Shown objects looked at."""
    area_px: NonNegativeFloat = 0
    """Pixels looked over."""
    strokes: NonNegativeFloat = 0
    """Strokes that cut or join objects."""
    points: NonNegativeFloat = 0
    """Clicks at objects that are missing or none."""
    regions: NonNegativeFloat = 0
    """Outlines drawn or reshaped."""
    vertices: NonNegativeFloat = 0
    """Vertices set or dragged for them."""

    def __add__(self, other: "Edits") -> "Edits":
        return Edits(**{name: getattr(self, name) + getattr(other, name) for name in Edits.model_fields})

    @property
    def corrections(self) -> float:
        """Strokes, points and outlines: how often the annotator changed something."""
        return self.strokes + self.points + self.regions


KEYSTROKES = EffortModel()
NO_EDITS = Edits(tasks=0)


def minutes(edits: Edits, model: EffortModel = KEYSTROKES) -> float:
    """Give the minutes that edits take: the sum of what each kind takes.

    Parameters
    ----------
    edits : Edits
        Of one task or of several together.
    model : EffortModel
        Seconds for each kind, and the pace.
    """
    seconds = (
        edits.tasks * model.seconds_per_task
        + edits.objects * model.seconds_per_object
        + edits.area_px / 1e6 * model.seconds_per_megapixel
        + edits.strokes * model.seconds_per_stroke
        + edits.points * model.seconds_per_point
        + edits.regions * model.seconds_per_region
        + edits.vertices * model.seconds_per_vertex
    )
    return model.pace * seconds / 60
