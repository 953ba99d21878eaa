import numpy as np
import pytest

from models.variants import VARIANTS, Variant


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_can_be_undone(variant: Variant) -> None:
    stack = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    np.testing.assert_array_equal(variant.invert(variant.apply(stack)), stack)


def test_the_sixteen_variants_differ_and_the_first_changes_nothing() -> None:
    stack = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    assert len({variant.apply(stack).tobytes() for variant in VARIANTS}) == 16
    np.testing.assert_array_equal(VARIANTS[0].apply(stack), stack)


@pytest.mark.parametrize("count", [1, 4, 8, 16])
def test_the_first_variants_form_a_group_so_that_their_mean_prefers_no_direction(count: int) -> None:
    stack = np.random.default_rng(0).random((2, 3, 3))
    seen = {variant.apply(stack).tobytes() for variant in VARIANTS[:count]}
    for turned in VARIANTS[:count]:
        assert {variant.apply(turned.apply(stack)).tobytes() for variant in VARIANTS[:count]} == seen
