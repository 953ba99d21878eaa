import pytest

from loop.minutes import NO_EDITS, Edits, EffortModel, minutes


def test_minutes_are_the_sum_of_what_every_edit_takes() -> None:
    model = EffortModel(
        seconds_per_task=10,
        seconds_per_object=1,
        seconds_per_megapixel=30,
        seconds_per_stroke=4,
        seconds_per_point=3,
        seconds_per_region=2,
        seconds_per_vertex=0.5,
    )
    edits = Edits(objects=20, area_px=500_000, strokes=3, points=1, regions=1, vertices=16)
    assert minutes(edits, model) * 60 == pytest.approx(10 + 20 + 15 + 12 + 3 + 2 + 8)
    assert edits.corrections == 5


def test_edits_of_several_tasks_add_up() -> None:
    one, other = Edits(objects=3, strokes=1), Edits(objects=4, points=2)
    assert one + other == Edits(tasks=2, objects=7, strokes=1, points=2)
    assert minutes(one + other) == pytest.approx(minutes(one) + minutes(other))
    assert minutes(NO_EDITS) == 0


def test_a_section_without_any_error_still_takes_the_time_to_look_at_it() -> None:
    assert minutes(Edits(objects=200)) * 60 == pytest.approx(10 + 200 * 1.35)
