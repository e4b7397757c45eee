"""The supported combinations of variant and framework, as several tests need them."""

import pytest

from scaffold import combinations

COMBINATIONS = {combination.id: combination for combination in combinations()}
# Pairs of variant and framework.
SUPPORTED = {(item.variant, item.framework) for item in COMBINATIONS.values()}
# Variant -> the combination whose workflows are run; workflows do not depend on the framework.
ONE_PER_VARIANT = {item.variant: item for item in reversed(COMBINATIONS.values())}

# Marks of a test that is slow with all combinations together, and runs with each in CI.
EVERY_SLOWLY = [pytest.mark.slow, pytest.mark.every_combination]
# In the fast tests one combination of each framework stands for all.
SAMPLE = {item.framework: name for name, item in reversed(COMBINATIONS.items())}.values()
few_unless_slow = pytest.mark.parametrize(
    "combination",
    [
        pytest.param(item, id=name, marks=[] if name in SAMPLE else EVERY_SLOWLY)
        for name, item in COMBINATIONS.items()
    ],
)
