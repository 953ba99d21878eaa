"""What became of every answer of a run, gathered from the ledger at once."""

from dataclasses import dataclass
from typing import Literal

from loop.agreement import SectionAgreement
from loop.answer_events import Compared, ConsensusReached, Correction, SectionLabelled, SentBack
from loop.ledger import Ledger

Version = tuple[int | None, str]
"""An annotation and the labels file of one version of it."""


@dataclass(frozen=True)
class Answers:
    """The answers of a run, and what the ledger says of each."""

    newest: dict[int, dict[tuple[int, int], SectionLabelled]]
    """For each iteration the newest version of every annotation, keyed by section and annotation."""
    standing: dict[Version, SectionLabelled]
    """Those that count."""
    sent_back: set[int]
    """Annotations that a reviewer, or a fault, sent back."""
    waiting: set[Version]
    """Those that wait for a reviewer."""
    used: set[Correction]
    """Those that training uses, all of a consensus among them, and the newest of a section that none may."""
    compared: dict[Version, list[Compared]]
    """Comparisons with older answers."""

    @classmethod
    def of(cls, ledger: Ledger) -> "Answers":
        """Gather them."""
        newest: dict[int, dict[tuple[int, int], SectionLabelled]] = {}
        for event in ledger.corrections():
            if event.correction is not None:
                key = event.section, event.correction.annotation_id
                newest.setdefault(event.correction.iteration, {})[key] = event
        compared: dict[Version, list[Compared]] = {}
        for found in ledger.compared():
            compared.setdefault((found.annotation_ids[1], found.files[1]), []).append(found)
        return cls(
            newest=newest,
            standing={_version(event): event for event in ledger.in_force()},
            sent_back={back.annotation_id for back in ledger.of_kind(SentBack)},
            waiting={_version(event) for event in ledger.unreviewed()},
            used=_used(ledger),
            compared=compared,
        )

    def state(self, event: SectionLabelled) -> Literal["used", "kept", "deleted", "waiting", "sent back"]:
        """Say what became of an answer."""
        assert event.correction is not None
        if event.correction.annotation_id in self.sent_back:
            return "sent back"
        if _version(event) not in self.standing:
            return "deleted"
        if event.correction.review_required and _version(event) in self.waiting:
            return "waiting"
        return "used" if event.correction in self.used else "kept"

    def agreements(self, event: SectionLabelled) -> tuple[tuple[str, SectionAgreement], ...]:
        """Give how far an answer agrees with the older ones that stand beside it, with the annotator of each."""
        if _version(event) not in self.standing:
            return ()
        return tuple(
            (source.annotator, found.agreement)
            for found in self.compared.get(_version(event), ())
            for older in [self.standing.get((found.annotation_ids[0], found.files[0]))]
            if older is not None and (source := older.correction) is not None
        )


def _used(ledger: Ledger) -> set[Correction]:
    trainable = ledger.trainable()
    unfit = [event for place, event in ledger.answered().items() if place.z not in trainable]
    learnt_from = [event for layers in trainable.values() for event in layers]
    agreed = {event.file: event.files for event in ledger.of_kind(ConsensusReached)}
    heard = {file for event in learnt_from for file in agreed.get(event.file, ())}
    voices = [event for event in ledger.in_force() if event.file in heard]
    return {event.correction for event in (*learnt_from, *voices, *unfit) if event.correction is not None}


def _version(event: SectionLabelled) -> Version:
    return (event.correction.annotation_id if event.correction else None), event.file
