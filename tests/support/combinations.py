"""The supported combinations of variant and framework, as several tests need them."""

from scaffold import combinations

COMBINATIONS = {combination.id: combination for combination in combinations()}
# Pairs of variant and framework.
SUPPORTED = {(item.variant, item.framework) for item in COMBINATIONS.values()}
# Variant -> the combination whose workflows are run; workflows do not depend on the framework.
ONE_PER_VARIANT = {item.variant: item for item in reversed(COMBINATIONS.values())}
