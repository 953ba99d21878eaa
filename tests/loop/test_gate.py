"""The gate on hold-outs of a few sections, each verdict worked out by hand."""

import numpy as np
import pytest

from loop.errors import InputError
from loop.gate import GateConfig, GateDecision, block_interval, decide
from loop.metrics import Agreement


def sections(*voi: float, first: int = 0) -> dict[int, Agreement]:
    """Hold-out sections of these VOIs."""
    rest = {"voi_merge": 0.0, "adapted_rand_error": 0.0, "precision": 1.0, "recall": 1.0, "dice": 1.0}
    return {z: Agreement(voi_split=bits, **rest) for z, bits in enumerate(voi, start=first)}


def verdict(candidate: dict[int, Agreement], reference: dict[int, Agreement], margin: float = 0.2) -> GateDecision:
    return decide(candidate, (1, reference), GateConfig(margin=margin))


def test_the_first_model_is_promoted() -> None:
    assert decide(sections(2, 2), None).promoted


def test_a_better_model_is_promoted_and_the_reason_has_the_interval() -> None:
    decision = verdict(sections(0.4, 0.4, 0.4), sections(0.5, 0.5, 0.5))
    assert (decision.verdict, decision.promoted) == ("promote", True)
    assert decision.reason == "VOI 0.400, 0.100 lower than iteration 1's, 95 % 0.100 to 0.100: clearly better"


def test_an_equal_model_passes_and_so_does_one_within_the_margin() -> None:
    assert verdict(sections(1, 1), sections(1, 1)).promoted
    assert verdict(sections(1.19, 1.19), sections(1, 1)).promoted
    assert not verdict(sections(1.21, 1.21), sections(1, 1)).promoted


def test_a_model_that_is_worse_everywhere_is_an_alarm_and_one_bad_section_is_none() -> None:
    reference = sections(*[1.0] * 8)
    everywhere, once = sections(*[1.5] * 8), sections(*[1.0] * 7, 4.0)
    assert verdict(everywhere, reference).verdict == "alarm"
    assert "clearly worse" in verdict(everywhere, reference).reason
    kept = verdict(once, reference)
    assert (kept.verdict, kept.promoted) == ("keep", False)
    assert kept.interval is not None
    assert kept.interval[0] == 0


def test_models_measured_on_other_sections_are_not_compared() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        verdict(sections(1, 1), sections(1, 1, first=1))


def test_neighbours_that_agree_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=9), 3)
    (low, high), (left, right) = block_interval(values), block_interval(rng.permutation(values))
    assert high - low > 1.3 * (right - left)


def test_the_interval_of_one_section_is_its_difference() -> None:
    assert block_interval(np.array([0.25])) == (0.25, 0.25)


def test_decisions_of_older_versions_are_read() -> None:
    decision = GateDecision.model_validate({"promoted": True, "reason": "VOI 0.5"})
    assert decision.verdict is None
